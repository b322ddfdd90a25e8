// PendingBytes: what the clients of one loop have not read, taken together. When it is too much,
// who has the most is cut off.
//
// Threads: the loop's.
#pragma once

#include <cstddef>
#include <vector>

namespace drawbridge::bridge {

class HasPending {
public:
    // Must let go of what is pending, and end soon: not at once, because links may be being written
    // or a message delivered.
    virtual void cut_off_as_slow() = 0;

protected:
    ~HasPending() = default;

private:
    friend class PendingBytes;
    std::size_t bytes_ = 0;
    std::size_t place_ = 0;  // in the list, if bytes_ > 0
};

class PendingBytes {
public:
    explicit PendingBytes(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    // `one` has so much now. May cut somebody off, `one` perhaps, who has nothing then.
    void set(HasPending& one, std::size_t bytes);

private:
    const std::size_t bytes_max_;
    std::size_t bytes_ = 0;
    std::vector<HasPending*> all_;  // with something pending
};

}  // namespace drawbridge::bridge
