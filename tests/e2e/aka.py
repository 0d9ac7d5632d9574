# SPDX-License-Identifier: LGPL-2.1-or-later
"""aka: a USIM in Python: Milenage (TS 35.206), the checks of TS 33.102 and the keys of TS 33.501.
The formulas are written out here once more; milenage.json pins them (see check-milenage.py)."""
import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SN = "5G:mnc001.mcc001.3gppnetwork.org"


def xor(a, b):
    return bytes(i ^ j for i, j in zip(a, b))


def kdf(key, fc, *parts):
    text = bytes([fc]) + b"".join(p + len(p).to_bytes(2, "big") for p in parts)
    return hmac.new(key, text, hashlib.sha256).digest()


class MacFailure(Exception):
    pass


class SyncFailure(Exception):
    def __init__(self, auts):
        super().__init__("the SQN is not fresh")
        self.auts = auts


class Usim:
    """One card: SQN as on a card that accepts only what is higher than the last."""

    def __init__(self, k, opc, sqn=0):
        self.cipher = Cipher(algorithms.AES(bytes.fromhex(k)), modes.ECB())
        self.opc = bytes.fromhex(opc)
        self.sqn = sqn

    def _aes(self, block):
        encryptor = self.cipher.encryptor()
        return encryptor.update(block) + encryptor.finalize()

    def _out(self, rand, rotate, constant):
        block = xor(self._aes(xor(rand, self.opc)), self.opc)
        block = block[rotate:] + block[:rotate]
        return xor(self._aes(xor(block, bytes(15) + bytes([constant]))), self.opc)

    def f1(self, rand, sqn, amf):
        block = xor((sqn + amf) * 2, self.opc)
        temp = self._aes(xor(rand, self.opc))
        out = xor(self._aes(xor(temp, block[8:] + block[:8])), self.opc)
        return out[:8], out[8:]

    def auts(self, rand):
        sqn = self.sqn.to_bytes(6, "big")
        return xor(sqn, self._out(rand, 12, 8)[:6]) + self.f1(rand, sqn, bytes(2))[1]

    def authenticate(self, rand, autn):
        """RES, CK, IK; raises MacFailure, SyncFailure."""
        out2 = self._out(rand, 0, 1)
        sqn, amf, mac = xor(autn[:6], out2[:6]), autn[6:8], autn[8:]
        if self.f1(rand, sqn, amf)[0] != mac:
            raise MacFailure()
        if int.from_bytes(sqn, "big") <= self.sqn:
            raise SyncFailure(self.auts(rand))
        self.sqn = int.from_bytes(sqn, "big")
        return out2[8:], self._out(rand, 4, 2), self._out(rand, 8, 4)

    def answer(self, rand, autn, sn=SN):
        """RES* and K_AUSF for one challenge of 5G AKA."""
        res, ck, ik = self.authenticate(rand, autn)
        res_star = kdf(ck + ik, 0x6B, sn.encode(), rand, res)[16:]
        return res_star, kdf(ck + ik, 0x6A, sn.encode(), autn[:6])


def k_seaf(k_ausf, sn=SN):
    return kdf(k_ausf, 0x6C, sn.encode())


def hxres_star(rand, res_star):
    return hashlib.sha256(rand + res_star).digest()[16:]
