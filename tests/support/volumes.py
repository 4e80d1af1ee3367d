# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a folder of a node, so that it can be compared."""

from __future__ import annotations

# Type, mode, size, links and target of everything in the current folder, then the checksum of every file.
LISTING = "find . -printf '%P %y %m %s %n %l\\n' | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum"
