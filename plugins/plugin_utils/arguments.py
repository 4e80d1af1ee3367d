# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of a task, for action plugins: checked on the controller as a module checks them on a host."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator


def validated(
    name: str, spec: dict[str, t.Any], given: t.Mapping[str, t.Any], one_of: t.Sequence[t.Sequence[str]] = ()
) -> dict[str, t.Any]:
    """Return the arguments *given* to the module *name*, with defaults. Raises AnsibleActionFail for wrong ones.

    Of each group of arguments in *one_of* exactly one is to be given.
    """
    checked = ArgumentSpecValidator(spec, mutually_exclusive=one_of, required_one_of=one_of).validate(dict(given))
    if checked.error_messages:
        raise AnsibleActionFail(f"Reading the arguments of {name}: {'; '.join(checked.error_messages)}.")
    return dict(checked.validated_parameters)
