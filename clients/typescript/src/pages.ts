import { create } from '@bufbuild/protobuf'
import { PageRequestSchema, type PageInfo, type PageRequest } from './gen/rafiki/common/v1/paging_pb.js'

const PAGE_SIZE = 100

/**
 * Every item of a list in its order, one call a page:
 *
 *     for await (const asset of pages((page) => node.assets.listAssets({ page }), (r) => r.assets)) ...
 */
export async function* pages<Response extends { pageInfo?: PageInfo | undefined }, Item>(
  call: (page: PageRequest) => Promise<Response>,
  items: (response: Response) => Item[]
): AsyncGenerator<Item, void> {
  const page = create(PageRequestSchema, { first: PAGE_SIZE })
  for (;;) {
    const response = await call(page)
    yield* items(response)
    if (!response.pageInfo?.hasNextPage || response.pageInfo.endCursor === undefined) return
    page.cursor = response.pageInfo.endCursor
  }
}
