// Every bound, with its unit and its reason. What an operator may want to change is a field of
// Limits (configuration section [limits]); what only a developer would change is a constant.
#pragma once

#include <cstddef>
#include <cstdint>

#include "broker/base/clock.hpp"

namespace drawbridge {

struct Limits {
    std::uint32_t max_connections = 100'000;        // clients
    std::uint32_t max_connections_per_address = 0;  // clients, and as many strangers; 0: no limit
    std::uint32_t max_handshakes = 4'096;           // strangers
    std::uint64_t max_handshake_bytes = 67'108'864;
    std::uint32_t max_packet_bytes = 2'097'152;
    std::uint32_t max_payload_bytes = 1'048'576;
    std::uint16_t max_topic_levels = 128;
    std::uint32_t max_subscriptions_per_client = 1'000;
    std::uint16_t max_inflight = 256;  // messages, each way, per session
    std::uint16_t max_topic_alias = 64;
    std::uint16_t max_keep_alive = 65'535;         // seconds
    std::uint32_t max_session_expiry = 2'592'000;  // seconds: 30 days
    std::uint32_t max_queued_messages = 10'000;    // per session
    std::uint64_t max_queued_bytes = 67'108'864;
    std::uint32_t max_output_bytes = 1'048'576;        // waiting for a peer that does not read
    std::uint64_t max_unfinished_bytes = 268'435'456;  // of packets, of all clients
    std::uint32_t max_sessions = 1'000'000;
    std::uint64_t max_retained_messages = 1'000'000;
    std::uint64_t max_retained_bytes = 1'073'741'824;
    std::uint32_t messages_per_second = 0;  // per client; 0: no limit
    std::uint32_t bytes_per_second = 0;
};

namespace limits {

// A client id, a device id, a tenant: long enough for a UUID with a prefix, short enough for a log
// line.
constexpr std::size_t id_bytes_max = 128;

// Free memory that one thread keeps for each size of output block.
constexpr std::size_t pooled_bytes_per_class_max = 4u << 20;

// One read from a socket: large enough that a busy connection fills it rarely.
constexpr std::size_t receive_bytes = 256u << 10;

// A CONNECT from a stranger: client id, user name, password, will topic and a will of a few KiB.
constexpr std::size_t connect_bytes_max = 128u << 10;

// Connections that the broker has said goodbye to and that wait for their peer to close: of the
// whole broker, divided among the shards. One more cuts off the oldest.
constexpr std::uint32_t farewells_max = 2'048;

// Routes that are remembered, per shard, in each of two generations: topics, and bytes of topics
// and receivers. The route of a longer topic than route_topic_bytes_max is worked out each time.
constexpr std::size_t route_cache_entries_max = 32'768;
constexpr std::size_t route_cache_bytes_max = 32u << 20;
constexpr std::size_t route_topic_bytes_max = 1'024;

// Mail that waits for one shard. A sender that finds more stops reading from its publishers.
constexpr std::size_t mailbox_bytes_max = 64u << 20;

// Handlers of one turn: bounds how long an answer waits for the write at the turn's end.
constexpr int events_per_turn_max = 256;

// One client's share of a turn, counted in deliveries, and what else it causes in the same measure:
// some tenths of a millisecond. The rest of what it has sent is taken in in the next turn. A
// smaller share would cost more: what a turn delivers to one client goes out in one write.
constexpr std::uint64_t work_per_client_max = 16'384;
constexpr std::uint64_t work_of_a_packet = 16;
constexpr std::uint64_t work_of_a_filter = 256;  // of a SUBSCRIBE or UNSUBSCRIBE

// Sessions that get more of what waits for them in one turn, and how many messages each: what takes
// longer goes on in the next turn.
constexpr std::size_t pumped_per_turn_max = 16;
constexpr std::size_t pumped_messages_max = 1'024;

// Clients whose identity is looked at in one turn when something has changed: a millisecond or two.
constexpr std::size_t reviewed_per_turn_max = 4'096;

// Messages that wait for one client and are kept on disk: as many as these are in memory as well
// while it is connected, and as many bytes are read at a time.
constexpr std::size_t queue_messages_in_memory = 256;
constexpr std::size_t queue_bytes_read = 256u << 10;
// What has expired on disk of one session's queue is counted out so many messages at a time, and
// so often at most: all that expires is looked at.
constexpr std::size_t expired_counted_out_max = 4'096;
constexpr milliseconds counting_out_interval{1'000};
// Retained messages that have expired are erased so often, so many at a time: some hundred
// microseconds.
constexpr milliseconds retained_sweep_interval{1'000};
constexpr int retained_swept_max = 256;

// How long a shard waits for clients to acknowledge what has been sent to them before it has that
// written to disk. What is acknowledged within that time is never written; the publisher waits
// for its acknowledgement no longer than that and a write.
constexpr milliseconds journal_delay{10};
// What nobody waits for: that a message has been acknowledged, that a client has come or gone.
constexpr milliseconds journal_lazy_delay{100};
// Bundles of one shard under way to the disk. What changes meanwhile goes into the next.
constexpr std::size_t journal_bundles_max = 2;

// Payloads from here on are sent from the one shared copy instead of being copied for each
// receiver.
constexpr std::size_t shared_payload_bytes_min = 8u << 10;

}  // namespace limits
}  // namespace drawbridge
