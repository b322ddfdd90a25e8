// SHA-256 of what comes in pieces.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>

namespace drawbridge::storage {

using Sha256Sum = std::array<std::uint8_t, 32>;

class Sha256 {
public:
    Sha256();
    void add(std::span<const std::uint8_t> bytes);
    Sha256Sum sum();  // once, at the end

    static Sha256Sum of(std::span<const std::uint8_t> bytes);

private:
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace drawbridge::storage
