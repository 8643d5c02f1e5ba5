# SPDX-License-Identifier: Apache-2.0
"""Statuses taken where they arrive: delivery receipts in the requests of a web application."""

from messaging_status.capture.receipts import ReceiptMiddleware

__all__ = ["ReceiptMiddleware"]
