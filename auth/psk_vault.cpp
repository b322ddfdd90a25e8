#include "auth/psk_vault.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <memory>

#include "broker/base/assert.hpp"

namespace drawbridge::auth {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;
constexpr std::size_t head_bytes = 1 + nonce_bytes;
static_assert(psk_seal_bytes == head_bytes + tag_bytes);

struct FreeCipher {
    void operator()(EVP_CIPHER_CTX* cipher) const { EVP_CIPHER_CTX_free(cipher); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

// With the key, the nonce and the device's id taken in; the text is next.
Cipher begin(const DerivedKey& key, const std::uint8_t* nonce, std::string_view device_id,
             bool encrypt) {
    Cipher cipher(EVP_CIPHER_CTX_new());
    ASSERT(cipher != nullptr);
    ASSERT(EVP_CipherInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.data(), nonce,
                             encrypt ? 1 : 0) == 1);
    int size = 0;
    const auto* name = reinterpret_cast<const unsigned char*>(device_id.data());
    ASSERT(EVP_CipherUpdate(cipher.get(), nullptr, &size, name,
                            static_cast<int>(device_id.size())) == 1);
    return cipher;
}

}  // namespace

PskVault::PskVault(const Secret& secret) : key_(secret.derive("PSKs, AES-256-GCM, version 1")) {}

PskVault::~PskVault() { OPENSSL_cleanse(key_.data(), key_.size()); }

std::vector<std::uint8_t> PskVault::seal(std::string_view device_id, Bytes psk) const {
    std::vector<std::uint8_t> sealed(head_bytes + psk.size() + tag_bytes);
    sealed[0] = version;
    std::uint8_t* nonce = sealed.data() + 1;
    ASSERT(RAND_bytes(nonce, static_cast<int>(nonce_bytes)) == 1);
    const Cipher cipher = begin(key_, nonce, device_id, true);
    std::uint8_t* text = sealed.data() + head_bytes;
    int size = 0;
    ASSERT(EVP_CipherUpdate(cipher.get(), text, &size, psk.data(), static_cast<int>(psk.size())) ==
           1);
    ASSERT(EVP_CipherFinal_ex(cipher.get(), text + psk.size(), &size) == 1);
    ASSERT(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(tag_bytes),
                               text + psk.size()) == 1);
    return sealed;
}

std::optional<std::vector<std::uint8_t>> PskVault::open(std::string_view device_id,
                                                        Bytes sealed) const {
    if (sealed.size() <= head_bytes + tag_bytes || sealed[0] != version) return std::nullopt;
    const std::size_t size = sealed.size() - head_bytes - tag_bytes;
    const Bytes text = sealed.subspan(head_bytes, size);
    std::vector<std::uint8_t> tag(sealed.end() - tag_bytes, sealed.end());
    const Cipher cipher = begin(key_, sealed.data() + 1, device_id, false);
    std::vector<std::uint8_t> psk(size);
    int done = 0;
    ASSERT(EVP_CipherUpdate(cipher.get(), psk.data(), &done, text.data(), static_cast<int>(size)) ==
           1);
    ASSERT(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(tag_bytes),
                               tag.data()) == 1);
    if (EVP_CipherFinal_ex(cipher.get(), psk.data() + size, &done) == 1) return psk;
    OPENSSL_cleanse(psk.data(), psk.size());  // decrypted, but nobody's
    return std::nullopt;
}

}  // namespace drawbridge::auth
