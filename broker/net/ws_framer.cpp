#include "broker/net/ws_framer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>

#include "broker/base/assert.hpp"
#include "broker/net/wslay.hpp"
#include "broker/wire/utf8.hpp"

namespace drawbridge::net {
namespace {

constexpr std::size_t mask_bytes = 4;
constexpr std::size_t code_bytes = 2;

// Of a masked frame. wslay refuses a length that is not written in the shortest way.
constexpr std::size_t header_bytes(std::uint64_t payload_bytes) {
    if (payload_bytes < 126) return 2 + mask_bytes;
    return payload_bytes < 65'536 ? 4 + mask_bytes : 10 + mask_bytes;
}

// Those that may stand in a frame. RFC 6455, section 7.4, and what IANA has added to it.
constexpr bool may_be_sent(unsigned code) {
    if (code >= 3'000) return code < 5'000;
    return code >= 1'000 && code <= 1'014 && (code < 1'004 || code > 1'006);
}

wslay_frame_context_ptr make_context(const wslay_frame_callbacks& callbacks, void* owner) {
    wslay_frame_context_ptr context = nullptr;
    if (wslay().context_init(&context, &callbacks, owner) != 0) throw std::bad_alloc();
    return context;
}

// wslay's context of a sender. Memory always takes a whole frame, so that none is begun between two
// calls of a framer, and one context serves all connections of a thread.
class FrameWriter {
public:
    FrameWriter() : context_(make_context({write, nullptr, nullptr}, this)) {}
    FrameWriter(const FrameWriter&) = delete;
    FrameWriter& operator=(const FrameWriter&) = delete;
    ~FrameWriter() { wslay().context_free(context_); }

    // Writes the header; append() must follow until the whole payload is there.
    void begin(wslay_opcode opcode, std::size_t payload_bytes, Buffer& frames) {
        frames_ = &frames;
        frame_ = {};
        frame_.fin = 1;
        frame_.opcode = static_cast<std::uint8_t>(opcode);
        frame_.payload_length = payload_bytes;
        append({});
    }

    void append(Bytes payload) {
        frame_.data = payload.data();
        frame_.data_length = payload.size();
        const ssize_t sent = wslay().send(context_, &frame_);
        ASSERT(sent == static_cast<ssize_t>(payload.size()));
    }

private:
    static ssize_t write(const std::uint8_t* data, std::size_t size, int, void* owner) noexcept {
        static_cast<FrameWriter*>(owner)->frames_->append({data, size});
        return static_cast<ssize_t>(size);
    }

    wslay_frame_context_ptr context_;
    wslay_frame_iocb frame_{};
    Buffer* frames_ = nullptr;
};

FrameWriter& writer() {
    static thread_local FrameWriter one;
    return one;
}

void append_control(wslay_opcode opcode, Bytes payload, Buffer& frames) {
    writer().begin(opcode, payload.size(), frames);
    if (!payload.empty()) writer().append(payload);
}

}  // namespace

// wslay's context of a receiver, which has the bytes of a header or a mask that are still
// incomplete. It has 4 KiB of its own, so a connection has one only while it is inside a frame.
struct WsFramer::Inflow {
    Inflow() : context(make_context({nullptr, read, nullptr}, this)) {}
    Inflow(const Inflow&) = delete;
    Inflow& operator=(const Inflow&) = delete;
    ~Inflow() { wslay().context_free(context); }

    // What the last connection that finished a frame had: the next one begins with it.
    static std::unique_ptr<Inflow>& spare() {
        static thread_local std::unique_ptr<Inflow> one;
        return one;
    }

    static ssize_t read(std::uint8_t* target, std::size_t size_max, int, void* owner) noexcept {
        Inflow& inflow = *static_cast<Inflow*>(owner);
        const std::size_t size = std::min(size_max, inflow.fresh.size());
        if (size == 0) return -1;  // "come back later"
        std::memcpy(target, inflow.fresh.data(), size);
        inflow.fresh = inflow.fresh.subspan(size);
        inflow.held += size;
        return static_cast<ssize_t>(size);
    }

    wslay_frame_context_ptr context;
    Bytes fresh;             // for the length of one call
    std::size_t held = 0;    // bytes that wslay has taken in and not given out yet
    std::uint64_t left = 0;  // payload of the present frame that has not come yet
    bool in_frame = false;   // its header has come
};

WsFramer::WsFramer() = default;
WsFramer::WsFramer(WsFramer&&) noexcept = default;
WsFramer& WsFramer::operator=(WsFramer&&) noexcept = default;
WsFramer::~WsFramer() = default;

WsStatus WsFramer::receive(Bytes bytes, Buffer& payload) {
    if (status_ != WsStatus::ok || bytes.empty()) return status_;
    if (!inflow_) inflow_ = std::move(Inflow::spare());
    if (!inflow_) inflow_ = std::make_unique<Inflow>();
    inflow_->fresh = bytes;
    while (status_ == WsStatus::ok) {
        wslay_frame_iocb part{};
        const ssize_t size = wslay().receive(inflow_->context, &part);
        if (size == WSLAY_ERR_WANT_READ) break;
        if (size < 0)
            fail(WsClose::protocol_error, "a malformed WebSocket frame (RFC 6455, 5.2)");
        else
            status_ = take(part, payload);
    }
    settle();
    return status_;
}

// Lets go of what is not needed until more comes.
void WsFramer::settle() {
    if (status_ != WsStatus::ok) {
        inflow_.reset();  // in the middle of something
        control_.clear();
    } else if (!inflow_->in_frame && inflow_->held == 0) {
        Inflow::spare() = std::move(inflow_);
    }
}

WsStatus WsFramer::take(const wslay_frame_iocb& part, Buffer& payload) {
    if (!inflow_->in_frame) {
        const WsStatus status = begin_frame(part);
        if (status != WsStatus::ok) return status;
    }
    inflow_->held -= part.data_length;
    inflow_->left -= part.data_length;
    const bool is_control = wslay_is_ctrl_frame(part.opcode);
    (is_control ? control_ : payload).append({part.data, part.data_length});
    if (inflow_->left > 0) return WsStatus::ok;
    inflow_->in_frame = false;
    return is_control ? end_control(part.opcode) : WsStatus::ok;
}

// wslay knows frames, but not what may follow what, nor which end of the connection we are.
WsStatus WsFramer::begin_frame(const wslay_frame_iocb& part) {
    if (part.mask == 0)
        return fail(WsClose::protocol_error, "an unmasked WebSocket frame (RFC 6455, 5.1)");
    inflow_->in_frame = true;
    inflow_->left = part.payload_length;
    inflow_->held -= header_bytes(part.payload_length);
    if (part.rsv != WSLAY_RSV_NONE)
        return fail(WsClose::protocol_error, "reserved bits in a WebSocket frame (RFC 6455, 5.2)");
    switch (part.opcode) {
        case WSLAY_CONTINUATION_FRAME:
            if (!in_message_)
                return fail(WsClose::protocol_error, "a continuation of nothing (RFC 6455, 5.4)");
            in_message_ = part.fin == 0;
            return WsStatus::ok;
        case WSLAY_TEXT_FRAME:
        case WSLAY_BINARY_FRAME:
            if (in_message_)
                return fail(WsClose::protocol_error, "a message inside another (RFC 6455, 5.4)");
            if (part.opcode == WSLAY_TEXT_FRAME)
                return fail(WsClose::unsupported_data, "a text frame (MQTT-6.0.0-1)");
            in_message_ = part.fin == 0;
            return WsStatus::ok;
        case WSLAY_CONNECTION_CLOSE:
        case WSLAY_PING:
        case WSLAY_PONG:
            return WsStatus::ok;
        default:
            return fail(WsClose::protocol_error, "an unknown WebSocket frame (RFC 6455, 5.2)");
    }
}

WsStatus WsFramer::end_control(std::uint8_t opcode) {
    if (opcode == WSLAY_CONNECTION_CLOSE) return take_close();
    if (opcode == WSLAY_PING) {
        pong_ = std::exchange(control_, Buffer());
        has_pong_ = true;
    }
    control_.clear();
    return WsStatus::ok;
}

// It is answered with its own code, and that is the end.
WsStatus WsFramer::take_close() {
    const Bytes payload = control_.bytes();
    if (payload.size() == 1)
        return fail(WsClose::protocol_error, "half a close code (RFC 6455, 5.5.1)");
    WsClose code = WsClose::none;
    if (payload.size() >= code_bytes) {
        const unsigned number = payload[0] * 256u + payload[1];
        if (!may_be_sent(number))
            return fail(WsClose::protocol_error, "an invalid close code (RFC 6455, 7.4)");
        if (wire::utf8_fault(as_text(payload.subspan(code_bytes))) == wire::Utf8Fault::ill_formed)
            return fail(WsClose::invalid_payload, "a reason that is not UTF-8 (RFC 6455, 5.5.1)");
        code = static_cast<WsClose>(number);
    }
    close(code);
    return WsStatus::closed;
}

WsStatus WsFramer::fail(WsClose code, std::string_view why) {
    failure_ = why;
    close(code);
    return status_ = WsStatus::failed;
}

void WsFramer::close(WsClose code) {
    if (std::exchange(closing_, true)) return;
    close_code_ = code;
    pong_.clear();
    has_pong_ = false;
}

void WsFramer::send(core::Output& output, std::size_t payload_bytes_max, Buffer& frames) {
    ASSERT(!close_said_);
    std::size_t left = std::min(output.size(), payload_bytes_max);
    writer().begin(WSLAY_BINARY_FRAME, left, frames);
    while (left > 0) {
        std::array<Bytes, 1> piece;
        output.peek(piece);
        const Bytes part = piece[0].first(std::min(piece[0].size(), left));
        writer().append(part);
        left -= part.size();
        output.take(part.size());
    }
}

void WsFramer::say(Buffer& frames) {
    if (std::exchange(has_pong_, false)) {
        append_control(WSLAY_PONG, pong_.bytes(), frames);
        pong_.clear();
    }
    if (!closing_ || std::exchange(close_said_, true)) return;
    const auto number = static_cast<std::uint16_t>(close_code_);
    const std::array<std::uint8_t, code_bytes> code = {static_cast<std::uint8_t>(number >> 8),
                                                       static_cast<std::uint8_t>(number & 0xFF)};
    const Bytes payload = close_code_ == WsClose::none ? Bytes() : Bytes(code);
    append_control(WSLAY_CONNECTION_CLOSE, payload, frames);
}

}  // namespace drawbridge::net
