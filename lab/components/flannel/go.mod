// SPDX-License-Identifier: GPL-3.0-or-later

module atarnet.homelab/lab/flannel

go 1.26.0

require (
	github.com/flannel-io/flannel v0.28.10
)

// The versions upstream names are not served by the module registry.
replace (
	github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common => github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common v1.3.210
	github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/vpc => github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/vpc v1.3.75
)
