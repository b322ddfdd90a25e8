#include "bridge/nats_handshake.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include "bridge/nats_connection.hpp"
#include "bridge/nats_info.hpp"
#include "broker/base/log.hpp"
#include "broker/net/loop.hpp"
#include "broker/net/network.hpp"

namespace drawbridge::bridge {
namespace {

constexpr std::string_view violation = "Authorization Violation";
constexpr std::uint8_t tls_handshake_record = 0x16;

}  // namespace

NatsHandshake::NatsHandshake(net::Loop& loop, std::uint64_t number, net::Stream stream,
                             const NatsSettings& settings,
                             std::shared_ptr<const net::TlsContext> tls, PendingBytes& pending)
    : Handshake(loop, number, std::move(stream)),
      settings_(settings),
      tls_(std::move(tls)),
      pending_(pending) {}

bool NatsHandshake::begin() {
    if (!Handshake::begin()) return false;
    if (!settings_.tls_required)
        loop().shard().deadlines().set(*this, loop().shard().now() + settings_.auth_timeout);
    ServerInfo info = info_of(settings_);
    info.client_id = number();
    info.client_ip = stream().peer();
    info.client_ip.resize(info.client_ip.rfind(':'));
    info.tls_available = tls_ != nullptr && !settings_.tls_required;
    core::Output output;
    append_info(output.bytes(), info);
    // Nothing has been written to this socket before, so it takes all of it.
    if (stream().send(output) != net::Stream::Sent::all) return false;
    begun_ = tls_ == nullptr;
    if (settings_.tls_required) {
        stream().begin_tls(*tls_);
        begun_ = true;
    }
    return true;
}

// Who may choose, begins TLS or does not.
void NatsHandshake::ready(std::uint32_t events) {
    std::uint8_t first = 0;
    if (!begun_ && ::recv(stream().socket().fd(), &first, 1, MSG_PEEK) == 1) {
        begun_ = true;
        if (first == tls_handshake_record) stream().begin_tls(*tls_);
    }
    Handshake::ready(events);
}

void NatsHandshake::read() {
    while (true) {
        Operation operation;
        const OperationCut cut =
            cut_operation(received().bytes(), settings_.max_payload, operation);
        if (cut == OperationCut::incomplete && operation.type == OperationType::none) return;
        if (cut != OperationCut::complete && cut != OperationCut::incomplete)
            return refuse(error_text(cut), "what it sends is not the NATS protocol");
        if (operation.type != OperationType::connect) {
            if (!settings_.allow_anonymous)
                return refuse(violation, "it has shown no credentials (CONNECT comes first)");
            return show_credentials();
        }
        if (cut == OperationCut::incomplete) return;
        auto options = read_connect(operation.json);
        if (!options) return refuse("", "the argument of CONNECT is not what it should be");
        if (const std::string_view text = error_text(*options); !text.empty())
            return refuse(text, "the options of CONNECT contradict each other");
        options_ = std::move(*options);  // the client reads its CONNECT once more
        return show_credentials();
    }
}

void NatsHandshake::show_credentials() {
    core::Credentials shown;
    shown.services_only = true;
    shown.may_be_anonymous = settings_.allow_anonymous;
    if (!options_.user.empty()) {
        shown.client_id = options_.user;
        shown.username = options_.user;
        shown.password = options_.pass;
    } else if (!options_.auth_token.empty() || !options_.pass.empty()) {
        shown.key_names_account = true;
        shown.password = options_.auth_token.empty() ? options_.pass : options_.auth_token;
    } else {
        shown.client_id = "anonymous-nats";
    }
    if (!options_.account.empty() || options_.new_account)
        return refuse(violation, "it asks for a NATS account, which this broker does not have");
    authenticate(std::move(shown));
}

void NatsHandshake::answer(core::AuthAnswer answer) {
    if (!answer.identity) {  // the authenticator has told the audit
        // Clients do not come back after this text, and that is right only if it is their fault.
        const bool is_theirs = answer.refusal == Reason::bad_user_name_or_password ||
                               answer.refusal == Reason::not_authorized;
        return say_no(is_theirs ? violation : "", answer.why);
    }
    const std::string account(answer.identity->id());
    core::IdentityPtr identity = loop().shard().recheck(account, answer.identity);
    if (!identity) return refuse(violation, "its account or key was revoked while it connected");
    const net::Full full = loop().welcome(stream(), [&](net::Stream moved) {
        return std::make_unique<NatsConnection>(loop(), std::move(moved), std::move(received()),
                                                pending_, settings_, number(), std::move(identity));
    });
    if (full == net::Full::no)
        leave();
    else
        refuse("maximum connections exceeded",
               full == net::Full::broker ? "the broker is full (max_connections)"
                                         : "its address is full (max_connections_per_address)");
}

void NatsHandshake::timed_out() { refuse("Authentication Timeout", "no CONNECT in time"); }

void NatsHandshake::refuse(std::string_view text, std::string_view why) {
    note_refused(why);
    say_no(text, why);
}

void NatsHandshake::say_no(std::string_view text, std::string_view why) {
    loop().shard().stats().connects_refused.add();
    if (loop().may_log())
        log::info("NATS client {} from {}: refused, {}",
                  options_.user.empty() ? "?" : options_.user, stream().peer(), why);
    core::Output output;
    if (!text.empty()) append_error(output.bytes(), text);
    see_off(std::move(output));
}

void NatsHandshake::note_refused(std::string_view why) {
    loop().network().broker().audit().note({.kind = core::AuditEvent::Kind::connect_refused,
                                            .identity = options_.user,
                                            .client_id = options_.user,
                                            .address = stream().peer(),
                                            .why = std::string(why),
                                            .routine = true});
}

}  // namespace drawbridge::bridge
