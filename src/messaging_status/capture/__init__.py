# SPDX-License-Identifier: Apache-2.0
"""Statuses that no instrumentation captures: in the answers of providers' APIs, and in receipts."""
