#include "storage/queue_row.hpp"

#include <fmt/format.h>

namespace drawbridge::storage {
namespace {

constexpr const char* table = "queue";
constexpr unsigned sent_before_bit = message_flags_bits + 3;
constexpr unsigned flags_max = (1u << (message_flags_bits + 4)) - 1;
// Section 2.2.2.2: an identifier is a variable byte integer, and not 0.
constexpr std::uint32_t subscription_id_max = 268'435'455;

std::vector<std::uint32_t> read_ids(Bytes bytes) {
    expect(bytes.size() % 4 == 0, table, "subscription identifiers that are cut short");
    std::vector<std::uint32_t> ids;
    for (std::size_t at = 0; at < bytes.size(); at += 4) {
        const std::uint32_t id = bytes[at] | std::uint32_t{bytes[at + 1]} << 8 |
                                 std::uint32_t{bytes[at + 2]} << 16 |
                                 std::uint32_t{bytes[at + 3]} << 24;
        expect(id > 0 && id <= subscription_id_max, table,
               "a subscription identifier that is none");
        ids.push_back(id);
    }
    return ids;
}

}  // namespace

std::string select_queue_rows(std::string_view where) {
    return fmt::format(
        "SELECT session, seq, state, flags, expires_at, share, packet_id, subscription_ids, "
        "coalesce(bodies.tenant, queue.tenant), coalesce(bodies.topic, queue.topic), "
        "coalesce(bodies.properties, queue.properties), coalesce(bodies.payload, queue.payload) "
        "FROM queue LEFT JOIN bodies USING (body) WHERE {} ORDER BY session, seq",
        where);
}

unsigned queue_flags(const core::KeptMessage& kept, unsigned flags_of_message) {
    return flags_of_message | unsigned{kept.qos} << message_flags_bits |
           unsigned{kept.retain} << (message_flags_bits + 2) |
           unsigned{kept.sent_before} << sent_before_bit;
}

void write_ids(const std::vector<std::uint32_t>& ids, std::vector<std::uint8_t>& out) {
    out.clear();
    for (const std::uint32_t id : ids)
        for (unsigned shift = 0; shift < 32; shift += 8)
            out.push_back(static_cast<std::uint8_t>(id >> shift));
}

core::KeptMessage read_queue_row(const Statement& row, const ClockPair& clocks) {
    using State = core::KeptMessage::State;
    core::KeptMessage kept;
    kept.session = read_number(row, 0, INT64_MAX, table);
    kept.seq = read_number(row, 1, INT64_MAX, table);
    kept.state = static_cast<State>(read_number(row, 2, 2, table));
    const std::uint64_t flags = read_number(row, 3, flags_max, table);
    kept.qos = flags >> message_flags_bits & 0b11;
    kept.retain = (flags >> (message_flags_bits + 2) & 1) != 0;
    kept.sent_before = (flags >> sent_before_bit & 1) != 0;
    if (!row.is_null(5)) kept.share = read_text(row, 5, table);
    kept.packet_id = static_cast<std::uint16_t>(read_number(row, 6, UINT16_MAX, table));
    kept.subscription_ids = read_ids(row.bytes_at(7));
    expect(kept.qos == 1 || kept.qos == 2, table, "a message that is of neither QoS 1 nor 2");
    expect(kept.packet_id != 0 || kept.state == State::waits, table, "a packet id of 0");
    if (kept.state != State::received) {
        const auto message = flags & ((1u << message_flags_bits) - 1);
        kept.message = read_message(row, 8, message, clocks.read(row, 4), table);
    }
    return kept;
}

}  // namespace drawbridge::storage
