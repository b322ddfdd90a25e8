// Subject matching as NATS tells it, slow and by recursion over lists of tokens: the reference that
// filters made of patterns are compared with.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge::test {

using TokenList = std::vector<std::string>;

inline TokenList tokens_of(std::string_view text) {
    TokenList tokens(1);
    for (const char c : text) {
        if (c == '.')
            tokens.emplace_back();
        else
            tokens.back() += c;
    }
    return tokens;
}

// Tokens that are not empty and hold no white space.
inline bool naive_is_subject(std::string_view text) {
    const TokenList tokens = tokens_of(text);
    return std::all_of(tokens.begin(), tokens.end(), [](const std::string& token) {
        return !token.empty() && token.find_first_of(" \t\r\n\f") == std::string::npos;
    });
}

inline bool naive_is_pattern(std::string_view text) {
    const TokenList tokens = tokens_of(text);
    return naive_is_subject(text) &&
           std::find(tokens.begin(), tokens.end() - 1, ">") == tokens.end() - 1;
}

inline bool naive_tokens_match(std::span<const std::string> pattern,
                               std::span<const std::string> subject) {
    if (pattern.empty() || subject.empty()) return pattern.empty() && subject.empty();
    if (pattern[0] == ">") return true;
    if (pattern[0] != "*" && pattern[0] != subject[0]) return false;
    return naive_tokens_match(pattern.subspan(1), subject.subspan(1));
}

// With the broker's rule that wildcards in front are not for '$'.
inline bool naive_subject_matches(std::string_view pattern, std::string_view subject) {
    const TokenList wanted = tokens_of(pattern);
    if (subject.substr(0, 1) == "$" && (wanted[0] == "*" || wanted[0] == ">")) return false;
    return naive_tokens_match(wanted, tokens_of(subject));
}

}  // namespace drawbridge::test
