// CommandFailed: a command could not do what it was asked; one sentence that says what to do. main
// prints it on stderr and exits with status 1.
#pragma once

#include <stdexcept>

namespace drawbridge::app {

class CommandFailed : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace drawbridge::app
