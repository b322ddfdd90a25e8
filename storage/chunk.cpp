#include "storage/chunk.hpp"

#include <algorithm>

#include "storage/unix_time.hpp"

namespace drawbridge::storage {
namespace {

using State = core::KeptMessage::State;

constexpr const char* table = "chunks";
// flags: those of the message, then its QoS as it is delivered to this session (two bits).
constexpr unsigned qos_shift = message_flags_bits;
constexpr unsigned retain_bit = qos_shift + 2;  // as it is delivered
constexpr unsigned sent_before_bit = qos_shift + 3;
constexpr unsigned state_shift = qos_shift + 4;  // two bits
constexpr unsigned expires_bit = qos_shift + 6;
constexpr unsigned share_bit = qos_shift + 7;
constexpr unsigned ids_bit = qos_shift + 8;
constexpr unsigned flags_end = qos_shift + 9;
// Section 2.2.2.2: an identifier is a variable byte integer, and not 0.
constexpr std::uint64_t subscription_id_max = 268'435'455;

constexpr bool has(std::uint64_t flags, unsigned bit) { return (flags >> bit & 1) != 0; }

std::vector<std::uint32_t> read_ids(Bytes bytes) {
    std::vector<std::uint32_t> ids;
    VarintReader in(bytes);
    while (in.left() > 0) {
        const std::uint64_t id = in.number();
        expect(id > 0 && id <= subscription_id_max, table,
               "a subscription identifier that is none");
        ids.push_back(static_cast<std::uint32_t>(id));
    }
    return ids;
}

std::string read_share(std::string_view share) {
    expect(is_kept_text(share), table, "a share that is no text");
    return std::string(share);
}

}  // namespace

core::KeptMessage::State Entry::state() const {
    return static_cast<State>(flags >> state_shift & 3);
}

bool Entry::expires() const { return has(flags, expires_bit); }

Entry next_entry(VarintReader& in) {
    Entry entry;
    entry.session = in.number();
    entry.seq = in.number();
    entry.flags = in.number();
    const State state = entry.state();
    std::uint64_t packet_id = 1;
    if (state != State::waits) packet_id = in.number();
    if (has(entry.flags, expires_bit)) entry.expires_at = static_cast<std::int64_t>(in.number());
    if (has(entry.flags, share_bit)) entry.share = as_text(in.take(in.number()));
    if (has(entry.flags, ids_bit)) entry.subscription_ids = in.take(in.number());
    entry.content = in.number();
    entry.bytes = in.number();
    expect(!in.failed(), table, "an entry that is cut short");
    expect(entry.session != 0 && entry.session <= INT64_MAX, table, "an entry of no session");
    expect(entry.seq <= limits::seq_max, table, "a number that is out of its range");
    expect(entry.flags >> flags_end == 0, table, "flags that there are not");
    expect(state <= State::received, table, "a state that is none");
    expect(packet_id > 0 && packet_id <= UINT16_MAX, table, "a packet id of 0, or that is none");
    const std::uint64_t qos = entry.flags >> qos_shift & 3;
    expect(qos == 1 || qos == 2, table, "a message that is of neither QoS 1 nor 2");
    expect(entry.bytes <= UINT32_MAX, table, "a message that is too large");
    if (state != State::waits) entry.packet_id = static_cast<std::uint16_t>(packet_id);
    return entry;
}

core::KeptMessage read_entry(const Entry& entry, Bytes contents, const ClockPair& clocks) {
    core::KeptMessage kept;
    kept.session = entry.session;
    kept.seq = entry.seq;
    kept.state = entry.state();
    kept.packet_id = entry.packet_id;
    kept.qos = entry.flags >> qos_shift & 0b11;
    kept.retain = has(entry.flags, retain_bit);
    kept.sent_before = has(entry.flags, sent_before_bit);
    kept.share = read_share(entry.share);
    kept.subscription_ids = read_ids(entry.subscription_ids);
    if (kept.state == State::received) return kept;

    expect(entry.content <= contents.size(), table, "a content that is not there");
    VarintReader in(contents.subspan(static_cast<std::size_t>(entry.content)));
    const std::uint64_t tenant_bytes = in.number();
    const std::uint64_t topic_bytes = in.number();
    const std::uint64_t properties_bytes = in.number();
    const std::string_view tenant = as_text(in.take(tenant_bytes));
    core::MessageView view;
    view.topic = as_text(in.take(topic_bytes));
    view.properties = in.take(properties_bytes);
    expect(!in.failed() && entry.bytes >= topic_bytes + properties_bytes, table,
           "a content that is cut short");
    view.payload = in.take(entry.bytes - topic_bytes - properties_bytes);
    expect(!in.failed(), table, "a payload that is cut short");
    view.qos = entry.flags & 0b11;
    view.retain = has(entry.flags, 2);
    if (entry.expires()) view.expires_at = clocks.steady(entry.expires_at);
    kept.message = check_message(view, tenant, table);
    return kept;
}

void ChunkBuilder::add(const core::KeptMessage& kept, State state, std::uint16_t packet_id,
                       const ClockPair& clocks, TenantNames& tenants) {
    const core::MessageView view =
        kept.message == nullptr ? core::MessageView{} : kept.message->view();
    Entry entry;
    entry.session = kept.session;
    entry.seq = kept.seq;
    entry.packet_id = packet_id;
    entry.share = kept.share;
    ids_.clear();
    for (const std::uint32_t id : kept.subscription_ids) put_varint(ids_, id);
    entry.subscription_ids = as_bytes(ids_);
    if (view.expires())
        entry.expires_at = std::max<std::int64_t>(clocks.unix_ms(view.expires_at), 0);
    entry.flags =
        message_flags(view) | unsigned{kept.qos} << qos_shift |
        unsigned{kept.retain} << retain_bit | unsigned{kept.sent_before} << sent_before_bit |
        static_cast<unsigned>(state) << state_shift | unsigned{view.expires()} << expires_bit |
        unsigned{!kept.share.empty()} << share_bit | unsigned{!ids_.empty()} << ids_bit;
    entry.bytes = kept.message == nullptr ? 0 : kept.message->bytes();
    if (kept.message != nullptr && last_ != kept.message.get()) {
        last_ = kept.message.get();
        last_at_ = contents_.size();
        const std::string_view tenant = tenants.of(view.tenant);
        put_varint(contents_, tenant.size());
        put_varint(contents_, view.topic.size());
        put_varint(contents_, view.properties.size());
        contents_.append(tenant).append(view.topic).append(as_text(view.properties));
        contents_.append(as_text(view.payload));
    }
    entry.content = kept.message == nullptr ? 0 : last_at_;
    put(entry);
}

void ChunkBuilder::add(Entry entry, Bytes contents) {
    if (entry.state() == State::received) {
        entry.content = entry.bytes = 0;
        return put(entry);
    }
    // Where it ends is not said, but it is read before: payload and all that stands in front.
    expect(entry.content <= contents.size(), table, "a content that is not there");
    const Bytes from = contents.subspan(static_cast<std::size_t>(entry.content));
    if (last_ != from.data()) {
        VarintReader in(from);
        const std::uint64_t tenant_bytes = in.number();
        in.number();
        in.number();
        const std::uint64_t bytes = from.size() - in.left() + tenant_bytes + entry.bytes;
        expect(!in.failed() && bytes <= from.size(), table, "a content that is cut short");
        last_ = from.data();
        last_at_ = contents_.size();
        contents_.append(as_text(from.first(static_cast<std::size_t>(bytes))));
    }
    entry.content = last_at_;
    put(entry);
}

bool ChunkBuilder::is_full_for(const void* content, std::uint64_t bytes) const {
    if (size_ == 0) return false;
    const std::size_t taken = entries_.size() + contents_.size();
    // Who shares a large content stays beside it.
    if (content != nullptr && content == last_)
        return taken > std::max(limits::chunk_bytes_max, 2 * contents_.size());
    return taken + bytes > limits::chunk_bytes_max;
}

void ChunkBuilder::put(const Entry& entry) {
    put_varint(entries_, entry.session);
    put_varint(entries_, entry.seq);
    put_varint(entries_, entry.flags);
    if (entry.state() != State::waits) put_varint(entries_, entry.packet_id);
    if (entry.expires()) put_varint(entries_, static_cast<std::uint64_t>(entry.expires_at));
    if (has(entry.flags, share_bit)) {
        put_varint(entries_, entry.share.size());
        entries_.append(entry.share);
    }
    if (has(entry.flags, ids_bit)) {
        put_varint(entries_, entry.subscription_ids.size());
        entries_.append(as_text(entry.subscription_ids));
    }
    put_varint(entries_, entry.content);
    put_varint(entries_, entry.bytes);
    ++size_;
}

void ChunkBuilder::clear() {
    // A large message is rare; what it took is not kept.
    if (contents_.capacity() > 64 * limits::chunk_bytes_max) contents_ = {};
    entries_.clear();
    contents_.clear();
    size_ = 0;
    last_ = nullptr;
}

}  // namespace drawbridge::storage
