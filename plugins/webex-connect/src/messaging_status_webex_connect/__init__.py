# SPDX-License-Identifier: Apache-2.0
"""Decoders for the channels of Webex Connect: a module and a table for each one."""
