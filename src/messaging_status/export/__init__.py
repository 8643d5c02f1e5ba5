# SPDX-License-Identifier: Apache-2.0
"""The catalogues for engines that are not Python."""
