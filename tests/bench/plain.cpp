// The (1+lambda)-EA on k blocks as one would write it down: `plain KIND K LAM P CALLS SECONDS G` prints calls and seconds.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <vector>

int main(int, char** argv) {
    const std::string kind = argv[1];
    const int k = std::atoi(argv[2]), lam = std::atoi(argv[3]), g = std::atoi(argv[7]);
    const double p = std::atof(argv[4]), seconds = std::atof(argv[6]);
    const long most = std::atol(argv[5]);  // calls a run; 0: to the optimum
    std::mt19937 rng(1);
    std::bernoulli_distribution coin(p);
    std::uniform_int_distribution<int> any(0, k / g - 1);
    std::vector<char> parent(k), child(k), best(k);
    long calls = 0;
    const std::clock_t begin = std::clock();
    const auto spent = [&] { return double(std::clock() - begin) / CLOCKS_PER_SEC; };
    while (spent() < seconds) {
        std::fill(parent.begin(), parent.end(), 0);
        int fitness = 0, chunk = 0;
        for (long made = 0; fitness < k && (most == 0 || made < most) && (made % 1024 || spent() < seconds);) {
            int highest = -1;
            bool moved = false;
            for (int j = 0; j < lam; ++j, ++made, ++calls) {
                child = parent;
                if (kind == "local" || kind == "resolved" || kind == "rounds")
                    for (int i = 0, first = g * (kind == "local" ? any(rng) : chunk); i < g; ++i) child[first + i] = coin(rng);
                else
                    for (int i = 0; i < k; ++i) child[i] = kind == "bits" ? child[i] ^ coin(rng) : coin(rng);
                int ones = 0;
                for (int i = 0; i < k; ++i) ones += child[i];
                moved |= ones != fitness;
                if (ones > highest) highest = ones, best.swap(child);
            }
            if (highest > fitness) fitness = highest, parent = best;
            if (moved || kind == "rounds") chunk = (chunk + 1) % (k / g);
        }
    }
    std::printf("%ld %.9f\n", calls, spent());
}
