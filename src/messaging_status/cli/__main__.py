# SPDX-License-Identifier: Apache-2.0
"""``python -m messaging_status.cli``."""

from messaging_status.cli import main

main()
