# SPDX-License-Identifier: Apache-2.0
"""A third party's plugin, which the tests install with pip: it answers all four hooks."""
