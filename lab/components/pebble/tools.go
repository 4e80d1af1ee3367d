// SPDX-License-Identifier: GPL-3.0-or-later

//go:build tools

// The authority itself, built from the same go.mod.
package main

import _ "github.com/letsencrypt/pebble/v2/cmd/pebble"
