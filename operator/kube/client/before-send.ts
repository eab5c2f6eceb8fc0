import type { Dispatcher } from 'undici';

/**
 * An interceptor that runs `check` right before a request's bytes go to the connection, also when
 * the library repeats a request that the server never took. Where it throws, nothing is sent and the
 * request fails with what it threw.
 */
export function beforeSend(check: () => void): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, inner) =>
    dispatch(options, {
      onRequestStart: (controller, context) => {
        inner.onRequestStart?.(controller, context);
        try {
          check();
        } catch (thrown) {
          controller.abort(thrown instanceof Error ? thrown : new Error(String(thrown)));
        }
      },
      onRequestUpgrade: (...told) => inner.onRequestUpgrade?.(...told),
      onResponseStart: (...told) => inner.onResponseStart?.(...told),
      onResponseData: (...told) => inner.onResponseData?.(...told),
      onResponseEnd: (...told) => inner.onResponseEnd?.(...told),
      onResponseError: (...told) => inner.onResponseError?.(...told),
    });
}
