// Chunk: messages that came about the same time, for whatever sessions, in one row of `chunks`.
//
// `entries` says of each message whose it is and what a start must know; `contents` has what the
// entries refer to: tenant, topic, properties and payload, once for all neighbours that share it.
// An entry: session, seq, flags, then, if the flags say so, packet id, expiry (Unix milliseconds),
// share ("name/filter") and subscription identifiers (their bytes first); then the place of its
// content and Message::bytes(). A content: bytes of tenant, topic and properties, then those three,
// and the payload, which has the rest. All numbers are varints.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "broker/core/kept.hpp"
#include "storage/message_row.hpp"
#include "storage/varints.hpp"

namespace drawbridge::storage {

namespace limits {

// Two to a page of 4 KiB: of the tree the upper levels stay in a small cache, and a row that is
// written alone leaves room in its page for others.
constexpr std::size_t chunk_bytes_max = 2'000;
// Beyond what any broker lives to give: what is higher is damage.
constexpr std::uint64_t seq_max = std::uint64_t{1} << 59;

}  // namespace limits

// One message as its entry says it.
struct Entry {
    std::uint64_t session = 0;
    std::uint64_t seq = 0;
    std::uint64_t flags = 0;
    std::uint16_t packet_id = 0;
    std::int64_t expires_at = 0;  // if it expires
    std::string_view share;
    Bytes subscription_ids;
    std::uint64_t content = 0;  // where in contents
    std::uint64_t bytes = 0;    // as Message::bytes() counts them

    core::KeptMessage::State state() const;
    bool expires() const;
};

// Calls visit(entry) for each. Throws DamagedRow.
template <class Visit>
void for_each_entry(Bytes entries, Visit visit);

// The message of an entry, and what else its receiver must know; not in which state it is, but for
// one that is `received`, and has no content any more. Throws DamagedRow.
core::KeptMessage read_entry(const Entry& entry, Bytes contents, const ClockPair& clocks);

// Gathers entries and contents of one chunk.
class ChunkBuilder {
public:
    // state, packet_id: as they are by now.
    void add(const core::KeptMessage& kept, core::KeptMessage::State state, std::uint16_t packet_id,
             const ClockPair& clocks, TenantNames& tenants);
    // Of another chunk, as it is. Throws DamagedRow.
    void add(Entry entry, Bytes contents);
    // Should a message with this content, of so many bytes, be in the next one? content: the
    // core::Message, or where it is in the other chunk.
    bool is_full_for(const void* content, std::uint64_t bytes) const;
    // The other chunk's bytes are gone: what comes is not at the same place for being the same.
    void forget_contents() { last_ = nullptr; }
    void clear();

    bool empty() const { return size_ == 0; }
    std::uint32_t size() const { return size_; }
    Bytes entries() const { return as_bytes(entries_); }
    Bytes contents() const { return as_bytes(contents_); }

private:
    void put(const Entry& entry);

    std::string entries_;
    std::string contents_;
    std::string ids_;
    std::uint32_t size_ = 0;
    // The last content: whose, and where it begins.
    const void* last_ = nullptr;
    std::size_t last_at_ = 0;
};

// Throws DamagedRow.
Entry next_entry(VarintReader& in);

template <class Visit>
void for_each_entry(Bytes entries, Visit visit) {
    VarintReader in(entries);
    while (in.left() > 0) visit(next_entry(in));
}

}  // namespace drawbridge::storage
