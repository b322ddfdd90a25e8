#include "broker/net/tls_psk.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "broker/base/bytes.hpp"
#include "broker/net/tls_claim.hpp"

namespace drawbridge::net::tls_psk {
namespace {

// One for each ClientHello, of which there are two if the first guesses the group wrong.
constexpr int lookups_max = 2;

// A PSK from outside goes with SHA-256 (RFC 8446, section 4.2.11), so for a client that offers one
// these come first. OpenSSL would choose the cipher first, and then pass over the PSK.
constexpr const char* ciphers_of_tls_1_3 =
    "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";

// What a session says of the PSK: this byte, the length of the key's id, the id, the identity.
constexpr char mark = 'P';

void must(bool done) {
    if (!done) throw std::runtime_error("cannot set up TLS-PSK: " + openssl::take_reason_text());
}

int source_index() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

core::PskSource* source_of(SSL* connection) {
    return static_cast<core::PskSource*>(
        SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), source_index()));
}

bool write_mark(SSL_SESSION* session, std::string_view identity, std::string_view key_id) {
    std::string text{mark, static_cast<char>(key_id.size())};
    text.append(key_id).append(identity);
    return SSL_SESSION_set1_ticket_appdata(session, text.data(), text.size()) == 1;
}

std::optional<core::Psk> look_up(SSL* connection, std::string_view identity) {
    TlsClaim& claim = TlsClaim::of(connection);
    if (claim.lookups == lookups_max) return std::nullopt;
    std::optional<core::Psk> psk = source_of(connection)->find(identity);
    if (!psk) return std::nullopt;
    ++claim.lookups;
    claim.proof = core::Credentials::Proof::psk;
    claim.name = identity;
    claim.why_not = psk->why_not;
    return psk;
}

unsigned find_psk_1_2(SSL* connection, const char* identity, unsigned char* key,
                      unsigned key_bytes_max) noexcept {
    // In TLS 1.3 OpenSSL asks here for what find_psk_1_3 has passed over already.
    if (identity == nullptr || SSL_version(connection) >= TLS1_3_VERSION) return 0;
    const std::optional<core::Psk> psk = look_up(connection, identity);
    if (!psk || psk->key.size() > key_bytes_max) return 0;
    if (psk->why_not.empty() && !write_mark(SSL_get_session(connection), identity, psk->key_id))
        return 0;
    std::copy(psk->key.begin(), psk->key.end(), key);
    return static_cast<unsigned>(psk->key.size());
}

struct FreeSession {
    void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};

// Also asked for the tickets of sessions, which are no identities.
int find_psk_1_3(SSL* connection, const unsigned char* identity, std::size_t size,
                 SSL_SESSION** found) noexcept {
    constexpr std::array<unsigned char, 2> aes_128_gcm_sha256 = {0x13, 0x01};
    *found = nullptr;
    const std::string_view name = as_text({identity, size});
    const std::optional<core::Psk> psk = look_up(connection, name);
    if (!psk) return 1;
    std::unique_ptr<SSL_SESSION, FreeSession> session(SSL_SESSION_new());
    const SSL_CIPHER* cipher = SSL_CIPHER_find(connection, aes_128_gcm_sha256.data());
    if (!session || cipher == nullptr ||
        SSL_SESSION_set1_master_key(session.get(), psk->key.data(), psk->key.size()) != 1 ||
        SSL_SESSION_set_cipher(session.get(), cipher) != 1 ||
        SSL_SESSION_set_protocol_version(session.get(), TLS1_3_VERSION) != 1)
        return 0;
    if (psk->why_not.empty() && !write_mark(session.get(), name, psk->key_id)) return 0;
    *found = session.release();
    return 1;
}

std::size_t read_u16(Bytes bytes) { return static_cast<std::size_t>(bytes[0] << 8 | bytes[1]); }

// Does the client want PSK, in TLS 1.2?
bool offers_psk_cipher(SSL* hello) {
    const unsigned char* ciphers = nullptr;
    const std::size_t size = SSL_client_hello_get0_ciphers(hello, &ciphers);
    const STACK_OF(SSL_CIPHER)* ours = SSL_get_ciphers(hello);
    for (std::size_t i = 0; i + 1 < size; i += 2) {
        const std::size_t id = read_u16({ciphers + i, 2});
        for (int j = 0; j < sk_SSL_CIPHER_num(ours); ++j) {
            const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(ours, j);
            if (SSL_CIPHER_get_protocol_id(cipher) != id) continue;
            const int kind = SSL_CIPHER_get_kx_nid(cipher);
            if (kind == NID_kx_psk || kind == NID_kx_ecdhe_psk || kind == NID_kx_dhe_psk)
                return true;
        }
    }
    return false;
}

// In TLS 1.3? Tickets are identities as well, but of random bytes, and no text.
bool offers_psk_identity(SSL* hello) {
    const unsigned char* extension = nullptr;
    std::size_t size = 0;
    if (SSL_client_hello_get0_ext(hello, TLSEXT_TYPE_psk, &extension, &size) != 1 || size < 2)
        return false;
    Bytes left(extension, size);
    left = left.subspan(2, std::min(read_u16(left), size - 2));
    constexpr std::size_t age_bytes = 4;
    while (left.size() >= 2) {
        const std::size_t length = read_u16(left);
        if (left.size() < 2 + length + age_bytes) return false;
        const Bytes identity = left.subspan(2, length);
        if (std::all_of(identity.begin(), identity.end(),
                        [](std::uint8_t byte) { return ' ' <= byte && byte <= '~'; }))
            return true;
        left = left.subspan(2 + length + age_bytes);
    }
    return false;
}

// For clients with PSKs the order of ciphers is ours; otherwise it is the client's.
int see_hello(SSL* connection, int*, void*) noexcept {
    if (offers_psk_cipher(connection) || offers_psk_identity(connection))
        SSL_set_options(connection, SSL_OP_CIPHER_SERVER_PREFERENCE);
    return SSL_CLIENT_HELLO_SUCCESS;
}

}  // namespace

void serve(SSL_CTX* context, core::PskSource& psks) {
    must(SSL_CTX_set_ex_data(context, source_index(), &psks) == 1);
    must(SSL_CTX_set_ciphersuites(context, ciphers_of_tls_1_3) == 1);
    must(SSL_CTX_set_dh_auto(context, 1) == 1);
    SSL_CTX_set_psk_server_callback(context, find_psk_1_2);
    SSL_CTX_set_psk_find_session_callback(context, find_psk_1_3);
    SSL_CTX_set_client_hello_cb(context, see_hello, nullptr);
}

std::optional<Proved> proved_by(const SSL_SESSION* session) {
    void* data = nullptr;
    std::size_t size = 0;
    // It changes nothing, whatever its type says.
    if (session == nullptr ||
        SSL_SESSION_get0_ticket_appdata(const_cast<SSL_SESSION*>(session), &data, &size) != 1 ||
        data == nullptr)
        return std::nullopt;
    const std::string_view text(static_cast<const char*>(data), size);
    if (text.size() < 2 || text[0] != mark) return std::nullopt;
    const auto key_id_size = static_cast<std::size_t>(text[1]);
    if (text.size() < 2 + key_id_size) return std::nullopt;
    return Proved{.identity = std::string(text.substr(2 + key_id_size)),
                  .key_id = std::string(text.substr(2, key_id_size))};
}

bool may_resume(SSL* connection, const SSL_SESSION* session) {
    const std::optional<Proved> proved = proved_by(session);
    if (!proved) return true;
    core::PskSource* psks = source_of(connection);
    return psks != nullptr && psks->in_force(proved->identity, proved->key_id);
}

}  // namespace drawbridge::net::tls_psk
