# SPDX-License-Identifier: LGPL-2.1-or-later
"""certificates: what peers of a stack show, beside its own ca.pem and server.pem; by openssl(1)."""
import os
import subprocess


def openssl(stack, *argv):
    subprocess.run(["openssl", *argv], check=True, cwd=stack.dir, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def make_client(stack, name, san="DNS:%s", subject=None, ca="ca"):
    """A certificate of the stack's authority; the paths of it and of its key."""
    openssl(stack, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + (subject or "peer"))
    stack.write(name + ".ext", "keyUsage=digitalSignature\nauthorityKeyIdentifier=keyid\n" +
                ("subjectAltName=" + (san.replace("%s", name)) + "\n" if san else ""))
    openssl(stack, "x509", "-req", "-in", name + ".csr", "-CA", ca + ".pem", "-CAkey", ca + ".key",
            "-CAcreateserial", "-out", name + ".pem", "-days", "2", "-extfile", name + ".ext")
    os.chmod(stack.path(name + ".key"), 0o600)
    return stack.path(name + ".pem"), stack.path(name + ".key")


def make_authority(stack, name):
    openssl(stack, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", name + ".key", "-out", name + ".pem", "-days", "2", "-subj", "/CN=" + name,
            "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign")
