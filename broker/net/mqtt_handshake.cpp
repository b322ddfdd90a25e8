#include "broker/net/mqtt_handshake.hpp"

#include "broker/base/limits.hpp"
#include "broker/base/log.hpp"
#include "broker/net/loop.hpp"
#include "broker/net/network.hpp"
#include "broker/wire/framer.hpp"

namespace drawbridge::net {

Greeter greet_mqtt() {
    return [](Loop& loop, std::uint64_t number, Stream stream) {
        return std::make_unique<MqttHandshake>(loop, number, std::move(stream));
    };
}

void MqttHandshake::read() {
    wire::Frame frame;
    const auto cut = wire::cut_frame(received().bytes(), limits::connect_bytes_max, frame);
    if (received().bytes()[0] >> 4 != static_cast<int>(wire::PacketType::connect))
        return end(as_text(received().bytes()).starts_with("GET ")
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
    Buffer unread;
    unread.append(received().bytes().subspan(frame.size));
    received() = std::move(unread);
    show_credentials();
}

void MqttHandshake::show_credentials() {
    const wire::ConnectView& connect = request_->view();
    const Reason early = core::refuse_early(connect);
    if (early != Reason::success) {
        note_refused(to_text(early));
        return refuse(connect.version, early, to_text(early));
    }
    if (request_->client_id.empty()) {
        request_->client_id = loop().network().broker().draw_client_id(loop().shard().index());
        request_->client_id_assigned = true;
    }
    authenticate(request_->credentials(stream().peer()));
}

void MqttHandshake::answer(core::AuthAnswer answer) {
    const wire::ConnectView& connect = request_->view();
    if (!answer.identity) return refuse(connect.version, answer.refusal, answer.why);
    request_->identity = std::move(answer.identity);
    Loop& home = loop().network().loop(loop().network().broker().home_of(request_->client_id));
    if (&home == &loop()) {
        loop().welcome(leave(), std::move(request_), std::move(received()), true);
    } else {
        loop().poller().remove(stream().socket().fd());
        // A std::function must be copyable, so what moves is in a box.
        struct Box {
            Stream stream;
            std::unique_ptr<core::ConnectRequest> request;
            Buffer unread;
        };
        auto box = std::make_shared<Box>(Box{leave(), std::move(request_), std::move(received())});
        home.post([&home, box] {
            home.welcome(std::move(box->stream), std::move(box->request), std::move(box->unread),
                         false);
        });
    }
}

void MqttHandshake::refuse(wire::Version version, Reason reason, std::string_view why) {
    loop().shard().stats().connects_refused.add();
    const std::string client_id = request_ ? request_->client_id : "?";
    if (loop().may_log())
        log::info("client {} from {}: refused, {}", client_id, stream().peer(), why);
    core::Output output;
    if (request_)  // how much it takes is known (MQTT-3.1.2-24)
        core::append_refusal(request_->view(), reason, "", output.bytes());
    else
        core::append_refusal(version, reason, output.bytes());
    see_off(std::move(output));
}

// What the authenticator has refused, it has told itself.
void MqttHandshake::note_refused(std::string_view why) {
    const std::string client_id = request_ ? request_->client_id : std::string();
    loop().network().broker().audit().note({.kind = core::AuditEvent::Kind::connect_refused,
                                            .identity = client_id,
                                            .client_id = client_id,
                                            .address = stream().peer(),
                                            .why = std::string(why),
                                            .routine = true});
}

}  // namespace drawbridge::net
