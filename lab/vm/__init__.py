# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual machines for what containers cannot have: tagged VLANs, a kernel of their own, a boot."""
