"""Packages of functions, made in memory."""

import io
import zipfile


def package(files, mode=0o644):
    """A zip of {name: text}."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.create_system = 3
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, text)
    return memory.getvalue()
