# SPDX-License-Identifier: Apache-2.0
"""Decoders for the codes of FCM, APNs and Huawei Push Kit, and readers for the answers that carry them."""
