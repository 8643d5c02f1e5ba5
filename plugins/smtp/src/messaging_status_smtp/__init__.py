# SPDX-License-Identifier: Apache-2.0
"""Decoders for SMTP's own codes and Amazon SES, and readers for the replies, reports and events that carry them."""

from messaging_status_smtp.reply import statuses_in

__all__ = ["statuses_in"]
