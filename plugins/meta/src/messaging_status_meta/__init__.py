# SPDX-License-Identifier: Apache-2.0
"""Decoders for Meta's own codes on WhatsApp and Messenger, and readers for the documents that carry them."""
