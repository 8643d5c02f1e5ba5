# SPDX-License-Identifier: Apache-2.0
"""Decoders for SMPP's status codes, message states and network errors, and readers for the PDUs and receipts that carry them."""
