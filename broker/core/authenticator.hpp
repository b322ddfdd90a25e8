// Authenticator: the port through which a stranger's CONNECT becomes an Identity. Implemented in
// auth/.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "broker/base/reason.hpp"
#include "broker/core/identity.hpp"

namespace drawbridge::core {

// What a stranger has shown. Owned copies: the answer may come after the packet is gone.
struct Credentials {
    // What the TLS handshake has proved, if anything: that the peer has the PSK of this identity,
    // or the private key of a certificate with this name.
    enum class Proof : std::uint8_t { none, psk, certificate };

    std::string client_id;
    std::optional<std::string> username = {};
    std::optional<std::string> password = {};
    std::string address = {};   // "192.0.2.7:50123", for people
    std::uint64_t network = 0;  // net::PeerAddress::network(), for throttles
    Proof proof = Proof::none;
    std::string proven = {};      // that identity or name
    std::string proven_key = {};  // the id of the PSK

    // Of those who come by the door for services:
    bool services_only = false;      // a device may not come in here
    bool key_names_account = false;  // there is no user name, and the client id is the account's
    bool may_be_anonymous = false;   // with no credentials at all, whatever holds elsewhere
};

struct AuthAnswer {
    IdentityPtr identity;  // null: refused
    Reason refusal = Reason::bad_user_name_or_password;
    std::string why;  // of a refusal, for the operator's log; never sent to the client
};

class Authenticator {
public:
    using Reply = std::function<void(AuthAnswer)>;

    virtual ~Authenticator() = default;

    // Never blocks. reply is called exactly once, from any thread, also before this returns.
    virtual void authenticate(Credentials credentials, Reply reply) = 0;

    // Nobody from this network would be admitted now, whatever it shows: it need not be listened
    // to. Any thread; one load while no address is locked out.
    virtual bool turns_away(std::uint64_t /*network*/) { return false; }
    // A TLS handshake with a PSK or with a certificate has failed, so that there will be no
    // CONNECT: counts like wrong credentials. claimed: address and network, and in `proven` the
    // identity or the name that was not proved. Never blocks; from any thread.
    virtual void note_failed_handshake(Credentials claimed, std::string why) {
        static_cast<void>(claimed), static_cast<void>(why);
    }
};

}  // namespace drawbridge::core
