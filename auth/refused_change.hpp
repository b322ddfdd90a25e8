// RefusedChange: a change of devices, keys or rules that cannot be made, in one sentence that says
// why and what to do instead. Nothing was changed.
#pragma once

#include <stdexcept>

namespace drawbridge::auth {

class RefusedChange : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace drawbridge::auth
