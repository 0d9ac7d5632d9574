# SPDX-License-Identifier: LGPL-2.1-or-later
"""pgdoor: stands between a client and a PostgreSQL on a Unix socket, and can shut in its face.

    door = pgdoor.Door("/folder/of/the/database")
    "host=" + door.folder          # for a conninfo
    door.shuts = True              # from now on each connection ends the moment it is ready for use

Ready for use is one of akma-keyserver that has prepared its statements and read what it must know:
two groups of a pipeline, after some single queries.
"""
import os
import shutil
import socket
import tempfile
import threading

NAME = ".s.PGSQL.5432"
GROUPS = 2


def messages(sock, first_has_a_letter):
    """(letter, whole message) of each; the first of a client has none (PostgreSQL 55.7)."""
    with sock.makefile("rb") as stream:
        letter = None if first_has_a_letter else b""
        while True:
            letter = stream.read(1) if letter is None else letter
            length = stream.read(4)
            if len(length) < 4:
                return
            yield letter, letter + length + stream.read(int.from_bytes(length, "big") - 4)
            letter = None


class Connection:
    def __init__(self, door, client, server):
        self.door, self.client, self.server = door, client, server
        self.asked = self.groups = self.ready = 0
        for work in (self.to_server, self.to_client):
            threading.Thread(target=self.guard, args=(work,), daemon=True).start()

    def guard(self, work):
        try:
            work()
        except OSError:
            pass
        for sock in (self.client, self.server):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def to_server(self):
        for letter, message in messages(self.client, False):
            self.asked += letter == b"Q"
            self.groups += letter == b"S"
            self.server.sendall(message)

    def to_client(self):
        for letter, message in messages(self.server, True):
            self.ready += letter == b"Z"
            # one at the begin, one for each query and group
            made = self.groups == GROUPS and self.ready == 1 + self.asked + self.groups
            if made and self.door.shuts:
                self.client.shutdown(socket.SHUT_RD)  # who writes hears of it at once
            self.client.sendall(message)
            if made and self.door.shuts:
                self.client.shutdown(socket.SHUT_WR)
                self.door.n_shut += 1
                return


class Door:
    def __init__(self, database):
        self.database = os.path.join(database, NAME)
        self.shuts, self.n_shut = False, 0
        self.folder = tempfile.mkdtemp(prefix="akma-pg-")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(self.folder, NAME))
        self.listener.listen()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.database)
            Connection(self, client, server)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        shutil.rmtree(self.folder)
