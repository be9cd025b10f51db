"""How threads divide a step: into shares that any of them may do.

Between two points at which all must have arrived lies a phase. It has a share of the work for each
thread: some of the examples, or a part of every parameter. A thread does its own share first. Where
another share is still untouched a little later, since the system has that thread wait, it does that
one too; so beside other programs no thread waits for one that does not run. Where a share reads and
writes depends on the share alone, so the bits are the same whoever does it.

A thread that the system stops in the middle of a share cannot be helped. It is then told to rest
for a time, in which the others do its shares; so the loss is small.
"""

from __future__ import annotations

from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import (
    exchange,
    let_others_run,
    nanoseconds,
    read_atomically,
    write_atomically,
)
from chainrule.engine.codegen.operands import record_at
from chainrule.engine.program.records import CLAIM_BYTES, Claim, Context, offset_of

NONE = -1
SPINS = 2_000  # looks at the others before a thread does their shares, or lets others run
SHORTEST_WAIT = 300_000  # nanoseconds after which a thread is taken for one that does not run
REST = 16  # times as long as it was waited for, but never longer than the next:
LONGEST_REST = 60_000_000  # nanoseconds

claim_at = record_at(Claim)
TAKEN, DONE, RESTS_UNTIL = (offset_of(name, Claim) for name in ("taken", "done", "rests_until"))


@kernel
def next_share(context: Context, thread: int, phase: int, done: int) -> int:
    """The share that a thread is to do next in a phase, after the one that it has just done; NONE
    once all shares are done."""
    if context.threads == 1:
        return 0 if done == NONE else NONE
    if done != NONE:
        write_atomically(address_of(context, done) + DONE, phase + 1)
    elif not is_resting(context, thread) and take(context, thread, thread, phase):
        return thread
    return wait_or_take(context, thread, phase)


@kernel
def wait_or_take(context: Context, thread: int, phase: int) -> int:
    """Wait until all shares of a phase are done, or one is found that nobody does."""
    spins, since, share = 0, 0, 0
    while share < context.threads:  # the shares before this one are done
        if read_atomically(address_of(context, share) + DONE) > phase:
            share += 1
            continue
        spins += 1
        if spins < SPINS:
            continue
        if not is_resting(context, thread):
            for other in range(context.threads):
                if take(context, other, thread, phase):
                    return other
            now = nanoseconds()
            since = since if since else now
            if not context.is_exchanging:  # nobody here is late
                have_rest(context, thread, share, since, now)
        let_others_run()
    return NONE


@kernel
def take(context: Context, share: int, thread: int, phase: int) -> bool:
    """Take a share of a phase for a thread; False if it is taken."""
    address = address_of(context, share)
    is_free = read_atomically(address + TAKEN) == phase
    if not is_free or not exchange(address + TAKEN, phase, phase + 1):
        return False
    claim_at(address).taker = thread
    claim_at(address_of(context, thread)).began = nanoseconds()
    return True


@kernel
def have_rest(context: Context, thread: int, share: int, since: int, now: int) -> None:
    """Have the thread rest that is late with a share, if this one has waited for it longer than its
    own share took, and longer than shares differ by themselves."""
    waited, own = now - since, since - claim_at(address_of(context, thread)).began
    if waited > max(own, SHORTEST_WAIT):
        late = claim_at(address_of(context, share)).taker
        write_atomically(
            address_of(context, late) + RESTS_UNTIL, now + min(REST * waited, LONGEST_REST)
        )


@kernel
def is_resting(context: Context, thread: int) -> bool:
    """True if a thread is to leave its shares to others."""
    until = read_atomically(address_of(context, thread) + RESTS_UNTIL)
    return until != 0 and nanoseconds() < until


@kernel
def address_of(context: Context, share: int) -> int:
    """Where it stands who has a share."""
    return context.claims + share * CLAIM_BYTES
