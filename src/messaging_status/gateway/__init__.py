# SPDX-License-Identifier: Apache-2.0
"""An OTLP relay that puts the meaning of statuses on what passes through, and answers when the next hop has answered."""
