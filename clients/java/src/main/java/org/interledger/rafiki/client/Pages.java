package org.interledger.rafiki.client;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.function.Function;
import org.interledger.rafiki.common.v1.PageInfo;
import org.interledger.rafiki.common.v1.PageRequest;

/** Lists as iterators: one call a page, items as they come. */
public final class Pages {

  private static final int SIZE = 100;

  private Pages() {}

  /**
   * Every item of a list in its order:
   *
   * <pre>{@code
   * for (Asset asset : Pages.of(
   *     page -> node.assets().listAssets(ListAssetsRequest.newBuilder().setPage(page).build()),
   *     ListAssetsResponse::getAssetsList,
   *     ListAssetsResponse::getPageInfo)) { ... }
   * }</pre>
   */
  public static <P, T> Iterable<T> of(
      Function<PageRequest, P> call, Function<P, List<T>> items, Function<P, PageInfo> info) {
    return () -> new PageIterator<>(call, items, info);
  }

  private static final class PageIterator<P, T> implements Iterator<T> {
    private final Function<PageRequest, P> call;
    private final Function<P, List<T>> items;
    private final Function<P, PageInfo> info;
    private final Deque<T> waiting = new ArrayDeque<>();
    private PageRequest next = PageRequest.newBuilder().setFirst(SIZE).build();

    PageIterator(
        Function<PageRequest, P> call, Function<P, List<T>> items, Function<P, PageInfo> info) {
      this.call = call;
      this.items = items;
      this.info = info;
    }

    @Override
    public boolean hasNext() {
      while (waiting.isEmpty() && next != null) {
        P page = call.apply(next);
        waiting.addAll(items.apply(page));
        PageInfo stands = info.apply(page);
        next =
            stands.getHasNextPage()
                ? next.toBuilder().setCursor(stands.getEndCursor()).build()
                : null;
      }
      return !waiting.isEmpty();
    }

    @Override
    public T next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      return waiting.remove();
    }
  }
}
