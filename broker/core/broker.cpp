#include "broker/core/broker.hpp"

#include <fmt/format.h>

#include <random>

#include "broker/base/assert.hpp"
#include "broker/core/text_hash.hpp"

namespace drawbridge::core {

Broker::Broker(const Settings& settings, unsigned shards) : settings_(settings) {
    ASSERT(shards > 0);
    for (unsigned index = 0; index < shards; ++index)
        shards_.push_back(std::make_unique<Shard>(*this, index));
}

std::uint64_t Broker::sessions() const {
    std::uint64_t sum = 0;
    for (const auto& shard : shards_) sum += shard->stats().sessions.read();
    return sum;
}

unsigned Broker::home_of(std::string_view name) const {
    return static_cast<unsigned>(hash_text(name) % shards_.size());
}

std::string Broker::draw_client_id(unsigned shard) const {
    thread_local std::random_device device;
    for (;;) {
        std::string id = fmt::format("auto-{:08x}{:08x}{:08x}", device(), device(), device());
        if (home_of(id) == shard) return id;
    }
}

}  // namespace drawbridge::core
