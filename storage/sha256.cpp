#include "storage/sha256.hpp"

#include "broker/base/assert.hpp"

namespace drawbridge::storage {

Sha256::Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    ASSERT(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256::add(std::span<const std::uint8_t> bytes) {
    ASSERT(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

Sha256Sum Sha256::sum() {
    Sha256Sum sum;
    ASSERT(EVP_DigestFinal_ex(context_.get(), sum.data(), nullptr) == 1);
    return sum;
}

Sha256Sum Sha256::of(std::span<const std::uint8_t> bytes) {
    Sha256 one;
    one.add(bytes);
    return one.sum();
}

}  // namespace drawbridge::storage
