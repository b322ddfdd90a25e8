#include "tests/support/nats_peer.hpp"

#include <algorithm>
#include <array>

#include "broker/base/assert.hpp"

namespace drawbridge::test {

NatsPeer::NatsPeer(ShardPump& pump, unsigned shard, const bridge::NatsSettings& settings,
                   core::IdentityPtr who)
    : pump_(pump),
      shard_(shard % pump.broker().shards()),
      settings_(settings),
      pending_(settings.max_pending_bytes_in_all) {
    pump_.run_on(shard_, [&](core::Shard& home) {
        client_.emplace(home, *this, pending_, settings_, 1, std::move(who));
    });
    send(
        "CONNECT "
        "{\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\n");
}

NatsPeer::~NatsPeer() {
    pump_.run_on(shard_, [&](core::Shard&) { client_.reset(); });
}

void NatsPeer::send(std::string_view text) {
    input_ += text;
    do {
        has_news_ = false;
        pump_.run_on(shard_, [&](core::Shard&) { receive(); });
        has_news_ |= pause == Pause::this_turn;
    } while (has_news_ && !closed);
}

std::string NatsPeer::ask(std::string_view text) {
    send(std::string(text) + "PING\r\n");
    std::string all = said();
    const std::size_t end = all.find("PONG\r\n");
    ASSERT(end != std::string::npos);
    said_ = all.substr(end + 6);
    return all.substr(0, end);
}

void NatsPeer::send_in_a_turn(std::string_view text) {
    input_ += text;
    core::Shard& home = pump_.broker().shard(shard_);
    home.begin_turn(pump_.now());
    home.take_mail();
    receive();
    home.end_turn();
}

void NatsPeer::receive() {
    if (!closed) input_.erase(0, client_->receive(as_bytes(input_)));
}

void NatsPeer::flush() {
    std::size_t sent = 0;
    while (network_takes > 0 && !output.empty()) {
        std::array<Bytes, 1> piece;
        output.peek(piece);
        const std::size_t size = std::min(piece[0].size(), network_takes);
        said_ += as_text(piece[0].first(size));
        output.take(size);
        sent += size;
        if (network_takes != SIZE_MAX) network_takes -= size;
    }
    client_->written(sent);
}

}  // namespace drawbridge::test
