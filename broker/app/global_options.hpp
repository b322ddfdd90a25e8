// GlobalOptions: what every command of `drawbridge` may be given before its own name.
//
// Filled by main while the command line is parsed; commands borrow it and read it when they run.
#pragma once

#include <filesystem>

namespace drawbridge::app {

struct GlobalOptions {
    std::filesystem::path data;    // the data directory
    std::filesystem::path config;  // empty: no file applies, the defaults do
    bool json = false;             // one JSON document instead of text for people
};

}  // namespace drawbridge::app
