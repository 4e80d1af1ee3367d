# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRIVATE to this collection: planning of files, directories and links."""

from __future__ import annotations

from ..builder import Builder
from ..model import Directory, File, Link
from ..state import PathState

SECRET = "(secret)"
SECRET_CHANGED = "(secret, sha256 changed)"


def want_file(b: Builder, file: File) -> None:
    """A regular file with content, mode and owner."""
    state, entry = b.path(file.name), b.entry(file.identity)
    if state.kind not in ("absent", "file"):
        b.refuse(file.identity, f"a {state.kind} lies at {file.name}", "Move it away, or choose another path")
    differs = state.kind == "absent" or state.sha256 != file.sha256
    same_rights = (state.mode, state.owner, state.group) == (file.mode, file.owner, file.group)
    secret = file.secret or bool(entry.get("secret"))
    how = str(entry.get("how", "created" if state.kind == "absent" else "adopted"))
    if state.kind == "file" and how == "adopted" and (differs or not same_rights):
        how = "replaced"
        b.plan.originals.append((file.identity, file.name))
    noted = {**({"secret": True} if file.secret else {}), **({} if file.diff else {"diff": False})}
    b.record(file.identity, {**entry, "how": how, **noted})
    b.will_be(file.name, PathState("file"))
    if not differs and same_rights:
        return
    b.need_folder(file.identity, file.name.rsplit("/", 1)[0])
    need_accounts(b, file)
    after = f"{file.mode} {file.owner}:{file.group}, {_content(file.sha256, secret, differs and bool(state.mode))}"
    action = "create" if state.kind == "absent" else "update"
    b.change(file, action, describe(state, secret), after, _file_texts(b, file, state, secret, differs))


def _file_texts(b: Builder, file: File, state: PathState, secret: bool, differs: bool) -> tuple[str, str] | None:
    if not differs or not file.diff:
        return None
    if secret:
        return (f"{SECRET}\n" if state.kind == "file" else "", f"{SECRET_CHANGED}\n")
    before = "" if state.kind == "absent" else state.text
    return (before if before is not None else f"(not shown, {state.size} bytes)\n", b.contents[file.sha256])


def _content(sha256: str, secret: bool, changed: bool) -> str:
    if secret:
        return SECRET_CHANGED if changed else SECRET
    return f"sha256 {sha256[:12]}"


def describe(state: PathState, secret: bool = False) -> str:
    """A state of a path in a few words."""
    rights = f"{state.mode} {state.owner}:{state.group}"
    if state.kind == "file":
        return f"{rights}, {_content(state.sha256, secret, False)}"
    if state.kind == "link":
        return f"-> {state.target}"
    return "absent" if state.kind == "absent" else rights


def need_accounts(b: Builder, item: File | Directory) -> None:
    """Ask for the owner and group of a file or directory."""
    wanted = {("user", item.owner), ("group", item.group)}
    for kind, name in sorted(wanted):
        exists = name in (b.observed.users if kind == "user" else b.observed.groups)
        planned = b.entry(f"{kind}:{name}")
        if name != "root" and not exists and not planned and not b.packages_coming:
            b.unmet(item.identity, f"its {kind} {name} does not exist", f"List `{kind}: {name}` before it")


def leave_file(b: Builder, identity: str, name: str) -> None:
    """A file goes if we made it; if it replaced one, that one comes back."""
    state, entry = b.observed.path(name), b.entry(identity)
    secret = bool(entry.get("secret"))
    shown = SECRET if secret or state.text is None else state.text
    if entry["how"] == "created" and state.kind == "file":
        texts = (f"{shown}\n" if secret else shown, "") if entry.get("diff", True) else None
        b.leave(identity, "remove", describe(state, secret), "absent", texts)
        b.will_be(name)
    elif entry["how"] == "replaced":
        if state.kind not in ("file", "absent"):
            b.refuse(identity, f"a {state.kind} lies where its original belongs", f"Move {name} away, then run again")
        b.leave(identity, "restore", describe(state, secret), "the original kept before")
    b.forget(identity)


def want_directory(b: Builder, folder: Directory) -> None:
    """A folder and the folders above it; where a wanted file system is mounted, the rights are its own."""
    state, entry = b.path(folder.name), b.entry(folder.identity)
    if state.kind not in ("absent", "directory") and not state.through:
        b.refuse(folder.identity, f"a {state.kind} lies at {folder.name}", "Move it away, or choose another path")
    after = f"{folder.mode} {folder.owner}:{folder.group}"
    wanted = PathState("directory", folder.mode, folder.owner, folder.group)
    if state.kind == "absent":
        parents = entry.get("parents", []) + _missing_parents(b, folder)
        b.record(folder.identity, {"how": "created", **entry, "parents": list(dict.fromkeys(parents))})
        need_accounts(b, folder)
        b.change(folder, "create", "absent", after)
    elif state.through or folder.name in b.mounted or describe(state) == after:
        b.record(folder.identity, entry or {"how": "adopted"})
    else:
        original = {"mode": int(state.mode, 8), "owner": state.owner, "group": state.group}
        adopted = entry.get("how", "adopted") == "adopted"
        b.record(folder.identity, {"how": "replaced", "original": original} if adopted else entry)
        need_accounts(b, folder)
        b.change(folder, "update", describe(state), after)
    b.will_be(folder.name, wanted if not state.through else state)


def _missing_parents(b: Builder, folder: Directory) -> list[str]:
    """The absent folders above, topmost first."""
    parts = folder.name.split("/")[1:-1]
    missing = []
    for count in range(1, len(parts) + 1):
        path = "/" + "/".join(parts[:count])
        state = b.path(path)
        if state.kind == "absent":
            missing.append(path)
            b.will_be(path, PathState("directory", "0755", "root", "root"))
        elif state.kind != "directory" and not state.through:
            b.refuse(folder.identity, f"a {state.kind} lies at {path}", "Move it away, or choose another path")
    return missing


def leave_directory(b: Builder, identity: str, name: str) -> None:
    """A folder we made goes if nothing but ours is in it; its rights come back if we only changed those."""
    state, entry = b.observed.path(name), b.entry(identity)
    b.forget(identity)
    if state.kind == "directory" and entry["how"] == "created":
        left = [child for child in b.observed.children.get(name, []) if not b.removed(f"{name}/{child}")]
        if left:
            shown = ", ".join(left[:5]) + (" ..." if len(left) > 5 else "")
            b.plan.warnings.append(f"Directory {name} is kept: it holds what this owner did not make ({shown})")
        else:
            b.leave(identity, "remove", describe(state), "absent")
            b.will_be(name)
    elif state.kind == "directory" and entry["how"] == "replaced":
        original = entry["original"]
        after = f"{original['mode']:04o} {original['owner']}:{original['group']}"
        if describe(state) != after:
            b.leave(identity, "restore", describe(state), after)


def want_link(b: Builder, link: Link) -> None:
    """A symbolic link; another link is replaced, anything else is not."""
    state, entry = b.path(link.name), b.entry(link.identity)
    if state.kind not in ("absent", "link"):
        b.refuse(link.identity, f"a {state.kind} lies at {link.name}", "Move it away, or choose another path")
    adopted = entry.get("how", "adopted") == "adopted"
    if state.kind == "absent":
        b.record(link.identity, entry or {"how": "created"})
    elif state.target != link.target and adopted:
        b.record(link.identity, {"how": "replaced", "original": {"target": state.target}})
    else:
        b.record(link.identity, entry or {"how": "adopted"})
    b.will_be(link.name, PathState("link", target=link.target))
    if state.target != link.target:
        b.need_folder(link.identity, link.name.rsplit("/", 1)[0])
        b.change(link, "create" if state.kind == "absent" else "update", describe(state), f"-> {link.target}")


def leave_link(b: Builder, identity: str, name: str) -> None:
    """A link goes if we made it; if it replaced one, that one comes back."""
    state, entry = b.observed.path(name), b.entry(identity)
    if state.kind == "link" and entry["how"] == "created":
        b.leave(identity, "remove", describe(state), "absent")
        b.will_be(name)
    elif state.kind in ("link", "absent") and entry["how"] == "replaced":
        b.leave(identity, "restore", describe(state), f"-> {entry['original']['target']}")
    b.forget(identity)
