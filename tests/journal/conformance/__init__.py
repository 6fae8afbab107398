"""What every journal must do, whatever store it keeps its record in.

A test module of an implementation imports all of this, and gives a fixture `journals` that
opens that implementation with the settings in `harness`.
"""

from journal.conformance.arriving import (
    TestDuplicates,
    TestKnown,
    TestPublish,
    TestTooMuch,
)
from journal.conformance.calling import (
    TestCancelled,
    TestClockSetBack,
    TestManyCallers,
    TestReopen,
)
from journal.conformance.changing import TestDeletions, TestEdits, TestReactions
from journal.conformance.claiming import TestClaim, TestOrder
from journal.conformance.crashing import TestCrashes
from journal.conformance.ending import (
    TestDrafts,
    TestFail,
    TestRelease,
    TestSettle,
    TestSettleAll,
)
from journal.conformance.enqueueing import TestEnqueue
from journal.conformance.events import TestEvents
from journal.conformance.fences import TestLostChannels, TestLostJobs
from journal.conformance.grouping import TestGroups
from journal.conformance.keeping import TestDeadLetters, TestPrune, TestState
from journal.conformance.looking import TestHistory, TestWhy
from journal.conformance.moving import TestRename
from journal.conformance.owning import TestBacklog, TestOwners
from journal.conformance.parts import TestParts, TestTargets
from journal.conformance.sending import (
    TestNotSent,
    TestPrepare,
    TestSent,
    TestTake,
)
from journal.conformance.walking import TestSenders

__all__ = [
    "TestBacklog",
    "TestCancelled",
    "TestClaim",
    "TestClockSetBack",
    "TestCrashes",
    "TestDeadLetters",
    "TestDeletions",
    "TestDrafts",
    "TestDuplicates",
    "TestEdits",
    "TestEnqueue",
    "TestEvents",
    "TestFail",
    "TestGroups",
    "TestHistory",
    "TestKnown",
    "TestLostChannels",
    "TestLostJobs",
    "TestManyCallers",
    "TestNotSent",
    "TestOrder",
    "TestOwners",
    "TestParts",
    "TestPrepare",
    "TestPrune",
    "TestPublish",
    "TestReactions",
    "TestRelease",
    "TestRename",
    "TestReopen",
    "TestSenders",
    "TestSent",
    "TestSettle",
    "TestSettleAll",
    "TestState",
    "TestTake",
    "TestTargets",
    "TestTooMuch",
    "TestWhy",
]
