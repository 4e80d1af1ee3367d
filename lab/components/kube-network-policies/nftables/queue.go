// SPDX-License-Identifier: GPL-3.0-or-later

// This takes the place of expr/queue.go of github.com/google/nftables: the same statement for kernels without
// CONFIG_NFT_QUEUE, written as the target NFQUEUE of iptables, which nftables runs as well (CONFIG_NFT_COMPAT).

package expr

import (
	"encoding/binary"
	"errors"

	"github.com/google/nftables/xt"
)

// QueueFlag says what becomes of packets that nobody listens for.
type QueueFlag uint16

// QueueFlagBypass lets them pass.
const QueueFlagBypass QueueFlag = 1

// Queue hands packets to the program that listens on a queue.
type Queue struct {
	Num   uint16
	Total uint16
	Flag  QueueFlag
}

// target is linux/netfilter/xt_NFQUEUE.h, struct xt_NFQ_info_v3, padded to XT_ALIGN.
func (e *Queue) target() *Target {
	info := make(xt.Unknown, 8)
	binary.NativeEndian.PutUint16(info[0:], e.Num)
	binary.NativeEndian.PutUint16(info[2:], max(e.Total, 1))
	binary.NativeEndian.PutUint16(info[4:], uint16(e.Flag&QueueFlagBypass))
	return &Target{Name: "NFQUEUE", Rev: 3, Info: &info}
}

func (e *Queue) marshal(family byte) ([]byte, error)     { return e.target().marshal(family) }
func (e *Queue) marshalData(family byte) ([]byte, error) { return e.target().marshalData(family) }

func (e *Queue) unmarshal(byte, []byte) error {
	return errors.New("a queue of this kernel is read as a target")
}
