"""What NATS clients are delivered: subscriptions, queue groups, requests, barriers. The same tests for
this broker, with one shard and with three, and for nats-server, whose clients they are.
"""
import collections

import pytest

from nats_client import pub

STATUS_503 = "16 16\r\nNATS/1.0 503\r\n\r\n\r\n"


# --- publish and deliver -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data, said",
    [
        ("SUB t.a 1\r\nPUB t.a 5\r\nhello\r\n", "MSG t.a 1 5\r\nhello\r\n"),
        ("SUB t.a 1\r\nPUB t.a 0\r\n\r\n", "MSG t.a 1 0\r\n\r\n"),
        ("SUB t.b q1 1\r\nPUB t.b rep 1\r\nx\r\n", "MSG t.b 1 rep 1\r\nx\r\n"),
        (
            "SUB t.c 1\r\nHPUB t.c 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n",
            "HMSG t.c 1 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n",
        ),
        (
            "SUB t.c 1\r\nHPUB t.c r.x 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n",
            "HMSG t.c 1 r.x 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n",
        ),
        ("SUB t.c 1\r\nHPUB t.c 0 2\r\nhi\r\n", "MSG t.c 1 2\r\nhi\r\n"),
        (
            "SUB t.c 1\r\nHPUB t.c 6 8\r\nbroken\0\n\r\n",
            "HMSG t.c 1 6 8\r\nbroken\0\n\r\n",
        ),
        ("SUB t.d 1\r\n" + "PUB t.d 0\r\n\r\n" * 2 + "UNSUB 1 3\r\n" + "PUB t.d 0\r\n\r\n" * 3,
         "MSG t.d 1 0\r\n\r\n" * 3),
        ("SUB t.d 1\r\n" + "PUB t.d 0\r\n\r\n" * 3 + "UNSUB 1 2\r\nPUB t.d 0\r\n\r\n",
         "MSG t.d 1 0\r\n\r\n" * 3),
        ("SUB t.d 1\r\nUNSUB 1\r\nPUB t.d 0\r\n\r\nUNSUB 1\r\nUNSUB 99 3\r\n", ""),
        ("SUB t.d 1\r\nUNSUB 1 0\r\nPUB t.d 0\r\n\r\n", ""),
        ("SUB t.d 1\r\nUNSUB 1 x\r\nPUB t.d 0\r\n\r\n", ""),
        ("SUB t.d 1\r\nUNSUB 1 1\r\nPUB t.d 0\r\n\r\nSUB t.e 1\r\nPUB t.d 0\r\n\r\nPUB t.e 0\r\n\r\n",
         "MSG t.d 1 0\r\n\r\nMSG t.e 1 0\r\n\r\n"),
        ("SUB t.f 1\r\nSUB t.g 1\r\nPUB t.g 0\r\n\r\nPUB t.f 0\r\n\r\n", "MSG t.f 1 0\r\n\r\n"),
        ("SUB _INBOX.x.* 7\r\nPUB t.nobody _INBOX.x.33 0\r\n\r\n",
         f"HMSG _INBOX.x.33 7 {STATUS_503}"),
        ("SUB t..bar 1\r\nPUB t..bar 0\r\n\r\n", "-ERR 'Invalid Subject'\r\n"),
        ("SUB t.>.bar 1\r\nSUB .t 2\r\nSUB t. 3\r\n", "-ERR 'Invalid Subject'\r\n" * 3),
        ("SUB t.> 1\r\nPUB t.* 0\r\n\r\nPUB t..bar 0\r\n\r\nPUB t 0\r\n\r\nPUB .a 0\r\n\r\n",
         "MSG t.* 1 0\r\n\r\n"),
        ("SUB t.bar 1\r\nSUB t.* 2\r\nPUB t.* 0\r\n\r\n", "MSG t.* 2 0\r\n\r\n"),
        ("SUB t.*foo 1\r\nPUB t.xfoo 0\r\n\r\nPUB t.*foo 0\r\n\r\n", "MSG t.*foo 1 0\r\n\r\n"),
        ("SUB t.foo> 1\r\nPUB t.foo> 0\r\n\r\nPUB t.foox 0\r\n\r\n", "MSG t.foo> 1 0\r\n\r\n"),
        ("SUB t.A 1\r\nPUB t.a 0\r\n\r\nPUB t.A 0\r\n\r\n", "MSG t.A 1 0\r\n\r\n"),
        ("SUB t.é.#.a+/ 1\r\nPUB t.é.#.a+/ 0\r\n\r\n", "MSG t.é.#.a+/ 1 0\r\n\r\n"),
        ("SUB t.a token-7 \r\nPUB t.a 0\r\n\r\n", "MSG t.a token-7 0\r\n\r\n"),
        ("SUB t.a 1\r\nPUB t.a $JS.ACK.x.y 1\r\nx\r\n",
         "-ERR 'Permissions Violation for Publish with Reply of \"$JS.ACK.x.y\"'\r\n"),
    ],
)
def test_transcripts(client, data, said):
    """NATS: what goes in and what comes out, up to the PONG of a last PING."""
    assert client.ask(data).decode() == said


def test_two_hundred_tokens(client):
    """NATS: a subject may have hundreds of tokens."""
    subject = ".".join("t" * 200)
    assert client.ask(f"SUB {subject} 1\r\nPUB {subject} 0\r\n\r\n").decode() == (
        f"MSG {subject} 1 0\r\n\r\n"
    )


def test_a_client_gets_a_message_for_each_subscription(client):
    """NATS: two subscriptions that match are two copies."""
    got = client.messages("SUB twice.> 1\r\nSUB twice.* 2\r\nSUB twice.a 3\r\nPUB twice.a 0\r\n\r\n")
    assert sorted(message.sid for message in got) == ["1", "2", "3"]


def test_messages_keep_their_order(server):
    """NATS: messages of one connection arrive in the order that they were sent."""
    with server.client() as target, server.client() as source:
        target.ask("SUB order.* 1\r\n")
        source.ask(b"".join(pub(f"order.{n % 7}", str(n)) for n in range(5000)))
        assert [int(message.payload) for message in target.messages()] == list(range(5000))


def test_headers_are_for_those_who_know_them(server):
    """NATS: who has no headers gets the payload alone, and may not send any."""
    with server.client(headers=False, no_responders=False) as plain, server.client() as source:
        plain.ask("SUB plain.a 1\r\n")
        source.ask("HPUB plain.a 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n")
        assert plain.ask() == b"MSG plain.a 1 2\r\nhi\r\n"
        said = plain.farewell("HPUB plain.a 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n")
        assert said == b"" or said.startswith(b"-ERR '")


def test_a_message_cut_off_in_the_middle_is_discarded(server):
    """NATS: who disconnects in the middle of a payload has not published it."""
    with server.client() as target:
        target.ask("SUB cut.a 1\r\n")
        with server.client() as source:
            source.send("PUB cut.a 0\r\n\r\nPUB cut.a 10\r\nhalf")
        assert target.ask() == b"MSG cut.a 1 0\r\n\r\n"


def test_pedantic_clients_hear_of_odd_subjects(server):
    """NATS: a pedantic client is told, and its message is published all the same."""
    with server.client(pedantic=True) as client:
        said = client.ask("SUB odd.> 1\r\nPUB odd.* 0\r\n\r\n")
        assert said == b"-ERR 'Invalid Publish Subject'\r\nMSG odd.* 1 0\r\n\r\n"


def test_no_echo(server):
    """NATS: with echo false a client does not get its own messages, and others do."""
    with server.client(echo=False) as client, server.client() as other:
        other.ask("SUB echo.a 1\r\n")
        assert client.ask("SUB echo.a 1\r\nPUB echo.a 0\r\n\r\n") == b""
        assert other.ask("PUB echo.a 0\r\n\r\n") == b"MSG echo.a 1 0\r\n\r\n" * 2
        assert client.ask() == b"MSG echo.a 1 0\r\n\r\n"


# --- queue groups --------------------------------------------------------------------------------


def test_a_queue_group_shares_evenly(server):
    """NATS: each message goes to one member, and each member has its part."""
    members = [server.client() for _ in range(3)]
    for member in members:
        member.ask("SUB queue.a workers 1\r\n")
    with server.client() as source:
        source.ask(b"".join(pub("queue.a", str(n)) for n in range(1200)))
        got = [[int(message.payload) for message in member.messages()] for member in members]
    assert sorted(sum(got, [])) == list(range(1200))
    # 400 of 1200 by chance: six standard deviations are 98.
    assert all(302 <= len(part) <= 498 for part in got), [len(part) for part in got]
    members[0].close()
    with server.client() as source:
        source.ask(pub("queue.a") * 100)
        assert sum(len(member.messages()) for member in members[1:]) == 100
    for member in members[1:]:
        member.close()


def test_a_queue_is_one_group_whatever_it_subscribes_to(server):
    """NATS: one copy for all subscriptions of one queue name, though their subjects differ."""
    with server.client() as one, server.client() as two, server.client() as source:
        one.ask("SUB across.* q 1\r\nSUB across.a other 3\r\n")
        two.ask("SUB across.> q 1\r\nSUB across.a q 2\r\n")
        source.ask(pub("across.a") * 300)
        counts = collections.Counter()
        for name, member in (("one", one), ("two", two)):
            counts.update((name, message.sid) for message in member.messages())
        assert counts.pop(("one", "3")) == 300
        assert sum(counts.values()) == 300 and len(counts) == 3, counts
        assert min(counts.values()) > 40, counts


def test_a_queue_of_the_publisher_answers_before_pong(client):
    """NATS: what comes back to a client by its own queue comes before PONG."""
    for _ in range(50):
        assert client.ask("SUB self.a q 1\r\nPUB self.a 0\r\n\r\nUNSUB 1\r\n") == (
            b"MSG self.a 1 0\r\n\r\n"
        )


def test_a_queue_skips_its_publisher_without_echo(server):
    """NATS: with echo false another member gets what the publisher's own would have."""
    with server.client(echo=False) as client, server.client() as other:
        client.ask("SUB skip.a q 1\r\n")
        other.ask("SUB skip.a q 1\r\n")
        assert client.ask(pub("skip.a") * 50) == b""
        assert len(other.messages()) == 50


# --- requests ------------------------------------------------------------------------------------


def test_a_request_is_answered(server):
    """NATS: request and reply, to one inbox each and to a common one."""
    with server.client() as responder, server.client() as requester:
        responder.ask("SUB svc.echo 1\r\n")
        requester.ask("SUB _INBOX.me.* 1\r\n")
        requester.publish("svc.echo", "question", "_INBOX.me.1")
        asked = responder.message()
        assert asked.reply == "_INBOX.me.1"
        responder.publish(asked.reply, asked.payload.upper())
        assert requester.message().payload == b"QUESTION"


@pytest.mark.parametrize("queue", ["", "workers "])
def test_nobody_responds(server, queue):
    """NATS: 503 comes if nobody has taken the request, and only then."""
    subject = "svc.503.queue" if queue else "svc.503"
    none = f"HMSG _INBOX.n.1 9 {STATUS_503}".encode()
    request = pub(subject, b"", "_INBOX.n.1")
    with server.client() as requester:
        assert requester.ask(b"SUB _INBOX.n.* 9\r\n" + request) == none
        with server.client() as responder:
            responder.ask(f"SUB {subject} {queue}1\r\n")
            assert requester.ask(request * 3) == b""
            assert len(responder.messages()) == 3
            responder.ask("UNSUB 1\r\n")
            assert requester.ask(request) == none
            responder.ask(f"SUB {subject} {queue}2\r\nUNSUB 2 1\r\n")
            assert requester.ask(request) == b""
            responder.ask()
            assert requester.ask(request) == none, "it has had all that it wanted"
            responder.ask(f"SUB {subject} {queue}3\r\n")
            assert requester.ask(request) == b""
        assert requester.ask(request) == none, "the responder is gone"


@pytest.mark.parametrize(
    "data",
    [
        b"SUB _INBOX.n.* q 9\r\n" + pub("svc.none", b"", "_INBOX.n.1"),  # to a queue
        b"SUB _INBOX.n.* 9\r\n" + pub("svc.none"),  # no reply
    ],
)
def test_nobody_is_told_of_no_responders(client, data):
    """NATS: 503 is for a plain subscription to the reply subject."""
    assert client.ask(data) == b""


def test_no_responders_has_to_be_wanted(server):
    """NATS: without no_responders there is no 503, and none for others who listen."""
    with server.client(no_responders=False) as client, server.client() as other:
        other.ask("SUB _INBOX.> 1\r\n")
        assert client.ask(b"SUB _INBOX.w.* 9\r\n" + pub("svc.none", b"", "_INBOX.w.1")) == b""
        with server.client() as requester:
            request = pub("svc.none", b"", "_INBOX.w.2")
            assert requester.ask(b"SUB _INBOX.w.2 9\r\n" + request).startswith(b"HMSG _INBOX.w.2 9 ")
        assert other.ask() == b""


def test_own_subscriptions_do_not_respond_without_echo(server):
    """NATS: nobody is counted after echo suppression."""
    with server.client(echo=False) as client:
        for queue in ("", "q "):
            data = f"SUB self.svc {queue}1\r\nSUB _INBOX.e 7\r\nPUB self.svc _INBOX.e 0\r\n\r\n"
            assert client.ask(data).decode() == f"HMSG _INBOX.e 7 {STATUS_503}"
            client.ask("UNSUB 1\r\nUNSUB 7\r\n")


def test_an_inbox_of_one_message(server, client):
    """NATS: UNSUB 1 of an inbox counts the 503 as its message."""
    if not server.broker:
        pytest.skip("nats-server 2.9 does not count it, so a client may get several")
    data = "SUB _INBOX.one 5\r\nUNSUB 5 1\r\n" + "PUB svc.none _INBOX.one 0\r\n\r\n" * 2
    assert client.ask(data).decode() == f"HMSG _INBOX.one 5 {STATUS_503}"


# --- barriers ------------------------------------------------------------------------------------


def test_pong_is_a_barrier_for_subscriptions(server):
    """NATS: after PONG a SUB holds on the whole bus, and an UNSUB too."""
    with server.client() as target, server.client() as source:
        for n in range(100):
            queue = "q " if n % 2 else ""
            target.ask(f"SUB barrier.a {queue}{n}\r\n")
            source.ask("PUB barrier.a 0\r\n\r\n")
            assert target.ask(f"UNSUB {n}\r\n") == f"MSG barrier.a {n} 0\r\n\r\n".encode()
            source.ask("PUB barrier.a 0\r\n\r\n")
            assert target.ask() == b""


def test_drain_leaves_nothing_behind(server):
    """NATS: UNSUB and PING: all messages that a queue member has been given come before PONG."""
    with server.client() as stays, server.client() as source:
        stays.ask("SUB drain.a q 1\r\n")
        got = []
        for n in range(20):
            with server.client() as leaves:
                leaves.ask("SUB drain.a q 1\r\n")
                source.send(b"".join(pub("drain.a", f"{n}.{m}") for m in range(20)))
                got += [message.payload.decode() for message in leaves.messages("UNSUB 1\r\n")]
        source.ask()
        got += [message.payload.decode() for message in stays.messages()]
        assert sorted(got) == sorted(f"{n}.{m}" for n in range(20) for m in range(20))


def test_a_draining_member_gets_what_was_published_before(server):
    """NATS: what its publisher has flushed comes to the only member of a queue, though it leaves now."""
    with server.client() as source:
        for n in range(20):
            with server.client() as member:
                member.ask("SUB sole.a q 1\r\n")
                source.ask(pub("sole.a") * 20)
                assert len(member.messages("UNSUB 1\r\n")) == 20, n


def test_pings_are_answered_in_order(client):
    """NATS: as many PONGs as PINGs, none of them before a message that was published before."""
    client.ask("SUB ping.a 1\r\n")
    client.send("PUB ping.a 0\r\n\r\nPING\r\n" * 100)
    messages = 0
    for pongs in range(100):
        messages += client.until(b"PONG\r\n").count(b"MSG ")
        assert messages > pongs
    assert messages == 100
