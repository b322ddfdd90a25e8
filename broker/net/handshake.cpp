#include "broker/net/handshake.hpp"

#include <fmt/format.h>

#include "broker/base/limits.hpp"
#include "broker/base/log.hpp"
#include "broker/net/loop.hpp"
#include "broker/net/network.hpp"
#include "broker/wire/framer.hpp"

namespace drawbridge::net {
namespace {

constexpr std::string_view gone = "connection lost";
constexpr std::string_view closed = "closed by the peer";

}  // namespace

Handshake::Handshake(Loop& loop, std::uint64_t number, Stream stream)
    : Stranger(number, stream.socket().network()), loop_(loop), stream_(std::move(stream)) {}

Handshake::~Handshake() {
    loop_.shard().deadlines().cancel(*this);
    if (stream_.socket().is_open()) loop_.poller().remove(stream_.socket().fd());
}

bool Handshake::begin() {
    loop_.shard().deadlines().set(*this,
                                  loop_.shard().now() + loop_.network().settings().connect_timeout);
    return loop_.poller().add(stream_.socket().fd(), *this, EPOLLIN | EPOLLONESHOT);
}

// One report each time: while the answer is being found, the stranger is not read.
void Handshake::watch(std::uint32_t events) {
    loop_.poller().modify(stream_.socket().fd(), *this, events | EPOLLONESHOT);
}

void Handshake::ready(std::uint32_t events) {
    if (ended_ || request_) return;
    core::Output nothing;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        const Stream::Received received = stream_.receive(loop_.read_space());
        received_.append(received.bytes);
        if (stream_.wants_to_send() || received.state == Stream::State::failed)
            stream_.send(nothing);
        if (received.state == Stream::State::failed) return lose();
        if (!received.bytes.empty()) {
            read_connect();
            if (!ended_) loop_.stranger_holds(*this, bytes_held());
        }
        // Whoever sends all at once and closes is served all the same.
        if (received.state == Stream::State::closed && !ended_ && !request_) return end(closed);
    } else if (stream_.send(nothing) == Stream::Sent::failed) {
        return end(gone);
    }
    if (!ended_ && !request_) watch(EPOLLIN | (stream_.wants_to_send() ? EPOLLOUT : 0u));
}

// The connection, or a layer of it, has failed. A failed handshake of TLS that claims something is
// told of here.
void Handshake::lose() {
    std::string why = stream_.failure();
    core::Credentials claimed;
    if (!stream_.claim(claimed)) return end(why.empty() ? gone : why);
    claimed.address = stream_.peer();
    claimed.network = stream_.socket().network();
    const bool psk = claimed.proof == core::Credentials::Proof::psk;
    const std::string text = fmt::format(
        "{} \"{}\": {}", psk ? "TLS-PSK identity" : "certificate of", claimed.proven, why);
    loop_.network().authenticator().note_failed_handshake(std::move(claimed), std::move(why));
    close(text);  // the authenticator tells the audit
}

void Handshake::read_connect() {
    wire::Frame frame;
    const auto cut = wire::cut_frame(received_.bytes(), limits::connect_bytes_max, frame);
    if (received_.bytes()[0] >> 4 != static_cast<int>(wire::PacketType::connect))
        return end(as_text(received_.bytes()).starts_with("GET ")
                       ? "speaks HTTP or WebSocket, and this listener does not (\"ws\" does)"
                       : "the first packet is not CONNECT (MQTT-3.1.0-1)");
    if (cut == wire::Cut::incomplete) return;
    if (cut == wire::Cut::malformed) return end("malformed length of CONNECT");
    if (cut == wire::Cut::too_large) return end("CONNECT is too large");
    auto request = core::ConnectRequest::read(frame.flags, frame.body);
    if (request.has_error()) {
        const Violation broken = request.error();
        const auto version = core::answerable(frame.body, broken);
        if (!version) return end(broken.rule);
        note_refused(broken.rule);
        return refuse(*version, broken.reason, broken.rule);
    }
    request_ = std::move(*request);
    connect_bytes_ = frame.size;
    loop_.stranger_heard(*this);
    Buffer unread;
    unread.append(received_.bytes().subspan(frame.size));
    received_ = std::move(unread);
    authenticate();
}

void Handshake::authenticate() {
    const wire::ConnectView& connect = request_->view();
    const Reason early = core::refuse_early(connect);
    if (early != Reason::success) {
        note_refused(to_text(early));
        return refuse(connect.version, early, to_text(early));
    }
    if (request_->client_id.empty()) {
        request_->client_id = loop_.network().broker().draw_client_id(loop_.shard().index());
        request_->client_id_assigned = true;
    }
    core::Credentials credentials = request_->credentials(stream_.peer());
    credentials.network = stream_.socket().network();
    stream_.prove(credentials);
    loop_.network().authenticator().authenticate(
        std::move(credentials), [&loop = loop_, number = number()](core::AuthAnswer answer) {
            loop.post([&loop, number, answer = std::move(answer)] {
                loop.answer_stranger(number, answer);
            });
        });
}

void Handshake::answer(core::AuthAnswer answer) {
    if (ended_) return;
    const wire::ConnectView& connect = request_->view();
    if (!answer.identity) return refuse(connect.version, answer.refusal, answer.why);
    request_->identity = std::move(answer.identity);
    ended_ = true;
    Loop& home = loop_.network().loop(loop_.network().broker().home_of(request_->client_id));
    if (&home == &loop_) {
        loop_.welcome(std::move(stream_), std::move(request_), std::move(received_), true);
    } else {
        loop_.poller().remove(stream_.socket().fd());
        // A std::function must be copyable, so what moves is in a box.
        struct Box {
            Stream stream;
            std::unique_ptr<core::ConnectRequest> request;
            Buffer unread;
        };
        auto box = std::make_shared<Box>(
            Box{std::move(stream_), std::move(request_), std::move(received_)});
        home.post([&home, box] {
            home.welcome(std::move(box->stream), std::move(box->request), std::move(box->unread),
                         false);
        });
    }
    loop_.drop(*this);
}

void Handshake::refuse(wire::Version version, Reason reason, std::string_view why) {
    loop_.shard().stats().connects_refused.add();
    const std::string client_id = request_ ? request_->client_id : "?";
    if (loop_.may_log())
        log::info("client {} from {}: refused, {}", client_id, stream_.peer(), why);
    core::Output output;
    if (request_)  // how much it takes is known (MQTT-3.1.2-24)
        core::append_refusal(request_->view(), reason, "", output.bytes());
    else
        core::append_refusal(version, reason, output.bytes());
    ended_ = true;
    loop_.poller().remove(stream_.socket().fd());
    loop_.see_off(std::move(stream_), std::move(output));
    loop_.drop(*this);
}

// What the authenticator has refused, it has told itself.
void Handshake::note_refused(std::string_view why) {
    const std::string client_id = request_ ? request_->client_id : std::string();
    loop_.network().broker().audit().note({.kind = core::AuditEvent::Kind::connect_refused,
                                           .identity = client_id,
                                           .client_id = client_id,
                                           .address = stream_.peer(),
                                           .why = std::string(why),
                                           .routine = true});
}

void Handshake::end(std::string_view why) {
    // One that only looks whether the port is open is not worth a row.
    if (why != gone && why != closed) note_refused(why);
    close(why);
}

void Handshake::close(std::string_view why) {
    if (loop_.may_log()) log::info("stranger from {}: {}", stream_.peer(), why);
    ended_ = true;
    loop_.poller().remove(stream_.socket().fd());
    if (stream_.owes_farewell())
        loop_.see_off(std::move(stream_), {});
    else
        stream_.socket().close();  // at once: many of these in one turn need no descriptor each
    loop_.drop(*this);
}

void Handshake::expired(TimePoint) {
    if (!ended_) end("no CONNECT within connect_timeout");
}

}  // namespace drawbridge::net
