// power_cut begin|cut DIRECTORY SHADOW [SEED]: see power_cut.hpp.
#include <cstdio>
#include <exception>
#include <string>

#include "tests/crash/power_cut.hpp"

int main(int count, char** words) try {
    const std::string what = count > 3 ? words[1] : "";
    if (what == "begin") {
        drawbridge::crash::make_durable(words[2], words[3]);
    } else if (what == "cut" && count > 4) {
        drawbridge::crash::cut_power(words[2], words[3], std::stoull(words[4]));
    } else {
        std::fputs("usage: power_cut begin DIRECTORY SHADOW | cut DIRECTORY SHADOW SEED\n", stderr);
        return 2;
    }
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "power_cut: %s\n", error.what());
    return 1;
}
