# Computes the report's statistics a second time, independently, in R:
#
#     Rscript scripts/check_statistics.R
#
# reads tests/analysis/samples/*.csv and writes r_figures.csv beside them, which the Python tests compare
# with. Base R does it all.

samples <- "tests/analysis/samples"
relevant_percent <- 5
alpha <- 0.05
confidence <- 1 - alpha
z <- qnorm(1 - alpha / 2)

names_out <- character()
values_out <- numeric()
put <- function(value, ...) {
  names_out <<- c(names_out, paste(..., sep = "|"))
  values_out <<- c(values_out, as.numeric(value))
}

# --- one sample -----------------------------------------------------------------------------------------------------

describe <- function(set, treatment, x) {
  quartiles <- quantile(x, c(0.25, 0.75), type = 7)
  put(length(x), set, treatment, "n")
  put(mean(x), set, treatment, "mean")
  put(sd(x), set, treatment, "sd")
  put(median(x), set, treatment, "median")
  put(quartiles[1], set, treatment, "lower_quartile")
  put(quartiles[2], set, treatment, "upper_quartile")
  put(min(x), set, treatment, "minimum")
  put(max(x), set, treatment, "maximum")
  put(100 * sd(x) / mean(x), set, treatment, "cv_percent")
  test <- shapiro.test(x)
  put(test$statistic, set, treatment, "shapiro", "statistic")
  put(test$p.value, set, treatment, "shapiro", "p")
  population_sd <- sqrt(mean((x - mean(x))^2))  # the published rule divides by n
  put(mean(x) - 3 * population_sd, set, treatment, "3sigma", "lower")
  put(mean(x) + 3 * population_sd, set, treatment, "3sigma", "upper")
  put(quartiles[1] - 1.5 * IQR(x), set, treatment, "iqr", "lower")
  put(quartiles[2] + 1.5 * IQR(x), set, treatment, "iqr", "upper")
}

# --- two samples ----------------------------------------------------------------------------------------------------

rank_test <- function(...) suppressWarnings(wilcox.test(...))

hedges <- function(x, y) {
  df <- length(x) + length(y) - 2
  pooled <- sqrt(((length(x) - 1) * var(x) + (length(y) - 1) * var(y)) / df)
  d <- (mean(y) - mean(x)) / pooled
  j <- gamma(df / 2) / (sqrt(df / 2) * gamma((df - 1) / 2))
  se <- j * sqrt(1 / length(x) + 1 / length(y) + d^2 / (2 * (length(x) + length(y))))
  c(j * d, j * d - z * se, j * d + z * se)
}

cliff <- function(x, y) {
  d <- outer(x, y, function(a, b) sign(b - a))
  n1 <- nrow(d)
  n2 <- ncol(d)
  delta <- mean(d)
  if (abs(delta) == 1) {
    n <- min(n1, n2)
    return(c(delta, sort(c(delta, delta * (n - z^2) / (n + z^2)))))
  }
  s_cells <- sum((d - delta)^2) / ((n1 - 1) * (n2 - 1))
  v <- ((n2 - 1) * var(rowMeans(d)) + (n1 - 1) * var(colMeans(d)) + s_cells) / (n1 * n2)
  half <- z * sqrt(v) * sqrt((1 - delta^2)^2 + z^2 * v)
  limits <- (delta - delta^3 + c(-half, half)) / (1 - delta^2 + z^2 * v)
  c(delta, max(-1, limits[1]), min(1, limits[2]))
}

power_welch <- function(margin, sds, sizes, level) {
  v <- sds^2 / sizes
  df <- sum(v)^2 / sum(v^2 / (sizes - 1))
  ncp <- margin / sqrt(sum(v))
  critical <- qt(1 - level / 2, df)
  suppressWarnings(pt(critical, df, ncp, lower.tail = FALSE) + pt(-critical, df, ncp))
}

needed <- function(margin, sds, level, target) {
  n <- 2
  while (power_welch(margin, sds, c(n, n), level) < target) n <- n + 1
  n
}

pair <- function(set, a, b, x, y, blocks, level) {
  welch <- t.test(y, x)
  put(welch$statistic, set, a, b, "welch", "statistic")
  put(welch$parameter, set, a, b, "welch", "df")
  put(welch$p.value, set, a, b, "welch", "p")
  u <- rank_test(y, x)
  put(u$statistic, set, a, b, "mann_whitney", "statistic")
  put(u$p.value, set, a, b, "mann_whitney", "p")
  gap <- blocks[[b]] - blocks[[a]]
  put(t.test(gap)$statistic, set, a, b, "paired_t", "statistic")
  put(t.test(gap)$p.value, set, a, b, "paired_t", "p")
  put(rank_test(gap)$statistic, set, a, b, "signed_rank", "statistic")
  put(rank_test(gap)$p.value, set, a, b, "signed_rank", "p")
  for (name in c("hedges", "cliff")) {
    effect <- get(name)(x, y)
    put(effect[1], set, a, b, name, "value")
    put(effect[2], set, a, b, name, "low")
    put(effect[3], set, a, b, name, "high")
  }
  mean_margin <- abs(mean(x)) * relevant_percent / 100
  rank_margin <- abs(median(x)) * relevant_percent / 100
  put(t.test(y, x, mu = -mean_margin, alternative = "greater")$p.value, set, a, b, "tost_welch", "p_lower")
  put(t.test(y, x, mu = mean_margin, alternative = "less")$p.value, set, a, b, "tost_welch", "p_upper")
  put(rank_test(y, x, mu = -rank_margin, alternative = "greater")$p.value, set, a, b, "tost_rank", "p_lower")
  put(rank_test(y, x, mu = rank_margin, alternative = "less")$p.value, set, a, b, "tost_rank", "p_upper")
  sds <- c(sd(x), sd(y))
  put(power_welch(mean_margin, sds, c(length(x), length(y)), level), set, a, b, "power", "reached")
  put(needed(mean_margin, sds, level, 0.8), set, a, b, "power", "needed")
  c(welch = welch$p.value, rank = u$p.value)
}

# --- all samples of a set -------------------------------------------------------------------------------------------

compare <- function(set, metric) {
  runs <- read.csv(file.path(samples, paste0(set, ".csv")))
  runs$value <- runs[[metric]]
  treatments <- sort(unique(runs$treatment))
  groups <- split(runs$value, runs$treatment)
  for (treatment in treatments) describe(set, treatment, groups[[treatment]])

  wide <- na.omit(reshape(runs[c("treatment", "iteration", "value")],
    idvar = "iteration", timevar = "treatment", direction = "wide"))
  put(nrow(wide), set, "friedman", "blocks")
  table <- as.matrix(wide[paste0("value.", treatments)])
  put(friedman.test(table)$statistic, set, "friedman", "statistic")
  put(friedman.test(table)$p.value, set, "friedman", "p")
  put(friedman.test(table)$statistic / (nrow(wide) * (length(treatments) - 1)), set, "friedman", "kendalls_w")
  factor <- factor(runs$treatment)
  put(kruskal.test(runs$value, factor)$statistic, set, "kruskal", "statistic")
  put(kruskal.test(runs$value, factor)$p.value, set, "kruskal", "p")
  anova <- oneway.test(runs$value ~ factor)
  put(anova$statistic, set, "welch_anova", "statistic")
  put(anova$parameter[2], set, "welch_anova", "df")
  put(anova$p.value, set, "welch_anova", "p")
  distance <- abs(runs$value - ave(runs$value, factor, FUN = median))
  levene <- summary(aov(distance ~ factor))[[1]]
  put(levene[["F value"]][1], set, "brown_forsythe", "statistic")
  put(levene[["Pr(>F)"]][1], set, "brown_forsythe", "p")

  p_welch <- p_rank <- numeric()
  names_of_pairs <- combn(treatments, 2, simplify = FALSE)
  for (names in names_of_pairs) {
    a <- names[1]
    b <- names[2]
    both <- na.omit(wide_of(runs, names))
    blocks <- setNames(list(both[[paste0("value.", a)]], both[[paste0("value.", b)]]), c(a, b))
    p <- pair(set, a, b, groups[[a]], groups[[b]], blocks, alpha / length(names_of_pairs))
    p_welch <- c(p_welch, p["welch"])
    p_rank <- c(p_rank, p["rank"])
  }
  for (i in seq_along(names_of_pairs)) {
    put(p.adjust(p_welch, "holm")[i], set, paste(names_of_pairs[[i]], collapse = "|"), "welch", "p_holm")
    put(p.adjust(p_rank, "holm")[i], set, paste(names_of_pairs[[i]], collapse = "|"), "mann_whitney", "p_holm")
  }
  invisible(runs)
}

wide_of <- function(runs, treatments) {
  some <- runs[runs$treatment %in% treatments, c("treatment", "iteration", "value")]
  reshape(some, idvar = "iteration", timevar = "treatment", direction = "wide")
}

# --- drift ----------------------------------------------------------------------------------------------------------

drift <- function(runs) {
  residual <- 100 * (runs$value / ave(runs$value, runs$treatment, FUN = median) - 1)
  hours <- (runs$started_s - min(runs$started_s)) / 3600
  test <- suppressWarnings(cor.test(hours, residual, method = "spearman", exact = FALSE))
  put(test$estimate, "study", "drift", "statistic")
  put(test$p.value, "study", "drift", "p")
  slope <- coef(lm(residual ~ hours))[2]
  put(slope, "study", "drift", "slope")
  put(slope * diff(range(hours)), "study", "drift", "effect")
}

# --- published and built-in references ------------------------------------------------------------------------------

compare("blocked", "energy_j")
compare("tied", "energy_j")
study <- compare("study", "energy_total_j")
drift(study)
equal <- power.t.test(n = 12, delta = 1, sd = 0.9, sig.level = 0.05, strict = TRUE)
put(equal$power, "power.t.test", "power")
put(ceiling(power.t.test(power = 0.8, delta = 1, sd = 0.9, strict = TRUE)$n), "power.t.test", "n")

out <- file.path(samples, "r_figures.csv")
write.csv(data.frame(figure = names_out, value = sprintf("%.17g", values_out)), out, row.names = FALSE, quote = FALSE)
cat(R.version.string, "\n")
cat("wrote", length(names_out), "figures to", out, "\n")
