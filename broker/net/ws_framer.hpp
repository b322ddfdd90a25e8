// WsFramer: the broker's end of an open WebSocket: frames in, MQTT's bytes out, and the other way
// round. RFC 6455, sections 5 to 7; cutting and making frames is wslay's part.
//
// MQTT is a stream of bytes, and where frames or messages begin means nothing to it
// (MQTT5-6.0.0-2). So payload is passed on as it comes, and no frame or message is ever kept
// whole, however long its header says it is.
//
// Owner:   one connection. Threads: one at a time; it may move to another between two calls.
// Limit:   between frames it holds no buffer; inside one, wslay's context (4.3 KB). Of pings that
//          came faster than they could be answered, the last is answered (RFC 6455, 5.5.3).
#pragma once

#include <memory>
#include <string_view>

#include "broker/base/buffer.hpp"
#include "broker/core/output.hpp"

struct wslay_frame_iocb;

namespace drawbridge::net {

enum class WsStatus {
    ok,
    closed,  // the peer has said close; what it sends behind that is dropped
    failed,  // it has broken a rule; say what there is to say, then close the socket
};

// Close codes. RFC 6455, section 7.4.1.
enum class WsClose : std::uint16_t {
    none = 0,
    normal = 1000,
    protocol_error = 1002,
    unsupported_data = 1003,
    invalid_payload = 1007,
};

class WsFramer {
public:
    WsFramer();
    WsFramer(WsFramer&&) noexcept;
    WsFramer& operator=(WsFramer&&) noexcept;
    ~WsFramer();

    // Takes all of bytes, cut anywhere, and appends the payload of binary frames to payload. What
    // came before a close or a failure is good.
    WsStatus receive(Bytes bytes, Buffer& payload);

    // Takes up to payload_bytes_max from output and appends them to frames as one binary frame.
    // Not behind a close.
    void send(core::Output& output, std::size_t payload_bytes_max, Buffer& frames);

    // Has it say close, behind all that was sent. The first close counts.
    void close(WsClose code);

    // A pong or a close is to be sent. say() appends it.
    bool has_words() const { return has_pong_ || (closing_ && !close_said_); }
    void say(Buffer& frames);
    bool close_said() const { return close_said_; }

    // Which rule the peer has broken; a literal.
    std::string_view failure() const { return failure_; }

private:
    struct Inflow;

    WsStatus take(const wslay_frame_iocb& part, Buffer& payload);
    WsStatus begin_frame(const wslay_frame_iocb& part);
    WsStatus end_control(std::uint8_t opcode);
    WsStatus take_close();
    WsStatus fail(WsClose code, std::string_view why);
    void settle();

    std::unique_ptr<Inflow> inflow_;  // null between frames
    Buffer control_;                  // payload of the control frame that is coming in
    Buffer pong_;
    std::string_view failure_;
    WsStatus status_ = WsStatus::ok;
    WsClose close_code_ = WsClose::none;
    bool in_message_ = false;  // a continuation must follow
    bool has_pong_ = false;
    bool closing_ = false;
    bool close_said_ = false;
};

}  // namespace drawbridge::net
