#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The key server over PostgreSQL: the tests of test-keyserver.py that say what the store promises,
the same functions, on a real server of Debian's package."""
import importlib.util
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))

import keyserver  # noqa: E402
import postgres  # noqa: E402

# their names, as far as they need no file of SQLite's
PROMISES = (
    "a_repeated_exchange_gives_the_same_version_and_makes_nothing_twice",
    "many_at_once_get_the_same_new_key",
    "two_terminals_have_different_keys",
    "rotation_leaves_the_version_before_for_its_grace_time",
    "a_key_is_replaced_at_its_age",
    "a_revoked_key_is_not_delivered_until_it_is_rotated",
    "a_revoked_terminal_gets_nothing_until_it_is_restored",
    "revocation_between_the_two_requests_holds",
    "rights_go_by_terminal_group_and_glob",
    "no_kid_names_two_keys_after_remove_or_forget",
    "a_store_of_gpsis_refuses_an_answer_without_one",
    "verbs_refuse_what_is_not_there",
    "sigterm_with_open_connections_and_requests_ends_within_5_s",
)


def load_tests():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "test-keyserver.py")
    spec = importlib.util.spec_from_file_location("promises", path)
    main, tap.main = tap.main, lambda: None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    tap.main = main
    wanted = [test for test in tap._tests if test.__name__ in PROMISES]
    assert len(wanted) == len(PROMISES), "a test of test-keyserver.py has another name now"
    tap._tests[:] = wanted


if not postgres.programs():
    tap.skip_all("PostgreSQL is not installed")
load_tests()
with postgres.Postgres() as keyserver.STORE:
    tap.main()
