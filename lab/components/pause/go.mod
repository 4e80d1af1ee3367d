// SPDX-License-Identifier: GPL-3.0-or-later

module atarnet.homelab/lab/pause

go 1.26.0
