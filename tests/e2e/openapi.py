# SPDX-License-Identifier: LGPL-2.1-or-later
"""openapi: HTTP bodies against the OpenAPI files of 3GPP.

    api = openapi.Api()                        # raises openapi.Absent where there are no files
    api.check("POST", "/naanf-akma/v1/retrieve-applicationkey", request, status, type, answer)

$OPENAPI_DIR names the folder, else ../shared/facts/openapi beside the source tree. Names between
files are followed; what OpenAPI 3.0 has and JSON Schema has not ("nullable") is translated.
"""
import json
import os
import re

import jsonschema
import yaml

FILES = {
    "/nausf-auth/v1": "TS29509_Nausf_UEAuthentication.yaml",
    "/naanf-akma/v1": "TS29535_Naanf_AKMA.yaml",
    "/3gpp-akma/v1": "TS29522_AKMA.yaml",
    "/nbsp-gba/v1": "TS29309_Nbsp_GBA.yaml",
}


class Absent(Exception):
    """They may not be copied into the project."""


class Invalid(Exception):
    """A body is not what the interface says."""


def folder():
    source = os.environ.get("top_srcdir", os.path.join(os.path.dirname(__file__), "../.."))
    return os.environ.get("OPENAPI_DIR", os.path.join(source, "../shared/facts/openapi"))


class Api:
    def __init__(self, path=None):
        self.folder = path or folder()
        self.documents = {}
        for name in FILES.values():
            if not os.path.exists(os.path.join(self.folder, name)):
                raise Absent("the OpenAPI files of 3GPP are not here: set OPENAPI_DIR")

    # -- documents and names in them -------------------------------------------------------

    def document(self, name):
        if name not in self.documents:
            path = os.path.join(self.folder, name)
            if not os.path.exists(path):
                # a type of a file that is not here: nothing is known about it
                self.documents[name] = None
            else:
                with open(path, encoding="utf-8") as file:
                    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
                    self.documents[name] = translate(yaml.load(file, loader), name)
        return self.documents[name]

    def resolve(self, node):
        """@node, or what its $ref names."""
        while isinstance(node, dict) and "$ref" in node:
            name, pointer = node["$ref"].split("#", 1)
            node = self.document(name)
            for step in pointer.strip("/").split("/"):
                node = node[step] if node is not None else None
        return node

    def validator(self, schema):
        return jsonschema.Draft4Validator(schema, resolver=Resolver(self),
                                          format_checker=jsonschema.FormatChecker())

    # -- operations ------------------------------------------------------------------------

    def operation(self, method, path):
        for base, name in FILES.items():
            if not path.startswith(base + "/"):
                continue
            for pattern, item in self.document(name)["paths"].items():
                if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", pattern), path[len(base):]):
                    return item.get(method.lower())
        return None

    def check_content(self, what, content, kind, body):
        kind = (kind or "").split(";")[0].strip()
        if kind not in content:
            raise Invalid("%s: type %r is none of %s" % (what, kind, sorted(content)))
        value = json.loads(body)
        errors = sorted(self.validator(content[kind]["schema"]).iter_errors(value), key=str)
        if errors:
            where = "/".join(str(step) for step in errors[0].absolute_path)
            raise Invalid("%s: %s: %s" % (what, where or "(body)", errors[0].message))

    def check_request(self, method, path, kind, body):
        operation = self.operation(method, path)
        if not operation:
            raise Invalid("%s %s is no operation" % (method, path))
        content = self.resolve(operation["requestBody"])["content"]
        self.check_content("request to " + path, content, kind, body)

    def check_answer(self, method, path, status, kind, body):
        operation = self.operation(method, path)
        if not operation:
            raise Invalid("%s %s is no operation" % (method, path))
        responses = operation["responses"]
        response = self.resolve(responses.get(str(status), responses.get("default")))
        if response is None:
            raise Invalid("status %d is not known to %s %s" % (status, method, path))
        content = response.get("content")
        if content and body:
            self.check_content("answer %d of %s" % (status, path), content, kind, body)
        elif body:
            raise Invalid("answer %d of %s has no body" % (status, path))
        elif content and status < 300:
            raise Invalid("answer %d of %s lacks its body" % (status, path))


class Resolver(jsonschema.RefResolver):
    """References are written as FILE#/pointer; the files are in memory."""

    def __init__(self, api):
        super().__init__("", {})
        self.api = api

    def resolve(self, ref):
        node = self.api.resolve({"$ref": ref})
        return ref, {} if node is None else node


def translate(node, name):
    """OpenAPI 3.0 to JSON Schema draft 4: local names get their file, nullable a second type."""
    if isinstance(node, list):
        return [translate(one, name) for one in node]
    if not isinstance(node, dict):
        return node
    new = {key: translate(value, name) for key, value in node.items()}
    if isinstance(new.get("$ref"), str) and new["$ref"].startswith("#"):
        new["$ref"] = name + new["$ref"]
    if new.get("nullable") is True and isinstance(new.get("type"), str):
        new["type"] = [new["type"], "null"]
    return new
